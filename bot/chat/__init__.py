"""One turn of a conversation, start to finish, for every face. It knows no Discord, no terminal and no tensors."""

"""The terminal as a face: a conversation with the bot, and the guided tour."""

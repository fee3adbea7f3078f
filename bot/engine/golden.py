"""What every version is asked before it may answer people, wherever it runs."""

GOLDEN = ("Hi!", "How are you doing today?", "What do you like to talk about?")

"""The command line, and the one place where the houses are put together."""

"""Tokens in, text out: the renderer, the weights, and the engine that serves them. Nothing here knows Discord."""

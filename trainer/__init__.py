"""Turns approved talk into a better model, proves that it is better, and publishes it; or says why not."""

"""Grows the small chat model that ships with Mynah, from open dialogue and words of our own."""

"""Tests of what makers of Mynah use."""

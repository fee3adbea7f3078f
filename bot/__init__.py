"""Talks with people: what comes in is screened, answered by the engine, screened again, and kept if they allow it."""

"""A stand-in for Discord on this machine: its HTTP API and gateway over real sockets, and a page to act in it as people.

What Discord does is SimCord's in-memory backend; this house is the transport around it, and what one person at a
browser needs. Nothing in `bot`, `trainer` or `storage` knows that it exists.
"""

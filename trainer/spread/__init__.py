"""One training in several processes, each on a part of every step."""

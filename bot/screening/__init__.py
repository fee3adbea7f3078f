"""A list of small screens that decide what may be answered, sent, stored and learnt."""

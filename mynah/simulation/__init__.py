"""A community that talks, reviews, attacks and takes things back over days on a virtual clock, through the real code."""

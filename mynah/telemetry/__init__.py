"""What bot and trainer tell about themselves, for whoever looks after them: health and figures, never words.

How a model wears in daily talk is another thing, and is called monitoring (`trainer/monitoring.py`).
"""

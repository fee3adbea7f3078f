"""What bot and trainer tell about themselves over HTTP, for whoever looks after them: health and figures, never words."""

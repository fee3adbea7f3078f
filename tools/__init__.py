"""Programs that make what the application ships. They are not installed with it."""

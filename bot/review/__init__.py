"""What people decide about candidate examples: the review desk, and the import of files a person vouches for."""

"""The commands, one small file each: read the arguments, open what is needed, print what came of it."""

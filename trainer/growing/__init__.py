"""Growing a model from nothing: prepared talk in, a chat model folder out. It knows nothing of runs, gates or the registry."""

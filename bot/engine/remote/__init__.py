"""The engine that answers from a server: any that speaks OpenAI's HTTP API, with adapters where it is vLLM."""

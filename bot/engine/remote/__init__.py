"""The engine that answers through model servers: any that speaks OpenAI's chat completions, and vLLM with its adapters."""

"""Floor 1: language models; a base, a client for OpenAI-compatible endpoints, the embedded one."""

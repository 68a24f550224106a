"""Floor 1: language models; a base, one client for OpenAI-compatible endpoints, the embedded one."""

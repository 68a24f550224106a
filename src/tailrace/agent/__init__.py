"""Floor 5, the arrow request → run: ContextAgent builds the parts and owns the runs."""

from tailrace.agent.context_agent import ContextAgent
from tailrace.agent.parts import default_engine
from tailrace.agent.request import ChatRequest, IngestRequest

__all__ = ["ChatRequest", "ContextAgent", "IngestRequest", "default_engine"]

"""Floor 3, the arrow run → nodes → events: the work, one node a stage."""

from tailrace.nodes.base import BaseNode
from tailrace.nodes.scope import RunScope
from tailrace.nodes.telling import tell, write

__all__ = ["BaseNode", "RunScope", "tell", "write"]

"""A server with a node of one's own; everything else is as `tailrace serve` has it.

Run: python examples/serve_own_node.py
"""

import os
from functools import partial

from own_node import PlacesNode
from tailrace.agent import default_engine
from tailrace.server.serve import run
from tailrace.settings import Settings

if __name__ == "__main__":
    engine = default_engine(PlacesNode())
    run(Settings.from_environment(os.environ), engine=engine, on_ready=partial(print, flush=True))

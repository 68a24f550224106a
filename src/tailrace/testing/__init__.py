"""Top floor, shipped: kits that prove somebody's own store, model client, node or dialect."""

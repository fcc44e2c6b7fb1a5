"""Live updates: the hub behind every live transport, and the two that are ours: `/v1/stream` and `/v1/ws`; and tails of event buses."""

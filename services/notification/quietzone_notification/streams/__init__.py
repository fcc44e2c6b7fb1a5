"""Streams: an account's own topics on the bus, which rules and subscriptions write to, and where what was given up is copied to."""

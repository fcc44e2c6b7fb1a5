"""Deliveries: what is to be sent, what was, and what became of it."""

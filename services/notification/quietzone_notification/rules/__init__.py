"""Rules: which events of a bus go where, and as what."""

"""Life cycle: bytes that nobody asks for go to cheaper tiers, and at last away; they come back when somebody wants them."""

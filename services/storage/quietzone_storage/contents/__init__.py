"""Contents: bytes, each kept once an account however many assets have them, and removed when none does."""

"""Assets: what an account has stored, with its variants; tombstones for ever."""

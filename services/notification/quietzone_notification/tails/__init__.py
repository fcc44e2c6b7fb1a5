"""Watching a bus live: what comes to it, as rules see it, for as long as somebody looks on."""

"""Codes: what is printed, and where it leads."""

"""The quietzone command."""

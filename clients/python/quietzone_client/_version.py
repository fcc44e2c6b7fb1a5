"""The client's version: its own, not the server's."""

__version__ = "0.1.0"

"""Addresses: who gets no mail of an account, and which kinds a person wants."""

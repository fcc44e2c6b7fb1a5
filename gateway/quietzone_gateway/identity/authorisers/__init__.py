"""Authorisers: addresses of accounts' own that say who may do what in them."""

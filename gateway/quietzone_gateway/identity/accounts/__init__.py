"""Accounts: who owns codes, and who may do what with them."""

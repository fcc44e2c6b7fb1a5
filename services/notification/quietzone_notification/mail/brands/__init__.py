"""Branding: what an account's mails look like."""

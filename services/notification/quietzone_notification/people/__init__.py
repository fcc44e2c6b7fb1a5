"""Whom an account's mails go to: its owners, as the gateway has told of them."""

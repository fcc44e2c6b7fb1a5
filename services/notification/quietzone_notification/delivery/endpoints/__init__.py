"""Endpoints: where an account's webhooks go, signed with which secrets."""

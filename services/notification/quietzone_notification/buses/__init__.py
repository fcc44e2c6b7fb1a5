"""Event buses: where an account's events come to, and its rules look."""

"""Pages that mails lead to: people without an account say there that they want no more of them, or that they want a topic's messages."""

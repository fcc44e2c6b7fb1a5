"""Topics: messages that go to all who have subscribed, as SNS does it."""

"""People: how they show who they are, and what is known of them."""

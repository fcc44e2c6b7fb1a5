"""Mail: what deliveries of kind `mail` become, who gets none, and how they are sent."""

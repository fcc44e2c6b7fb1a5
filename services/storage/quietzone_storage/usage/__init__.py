"""How many bytes an account has stored, exactly."""

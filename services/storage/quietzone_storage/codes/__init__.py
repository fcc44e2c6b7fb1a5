"""Images of codes: drawn when a code is created or looks different, removed when it is deleted."""

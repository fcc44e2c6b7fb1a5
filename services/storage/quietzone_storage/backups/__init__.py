"""Backups of codes: each as it was made, as JSON beside the files, for whoever has nothing else left."""

"""Sessions: somebody who has signed in, until he signs out."""

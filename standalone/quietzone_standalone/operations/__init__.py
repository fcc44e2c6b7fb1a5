"""What an operator does with a whole installation: look at it, follow one event through it, move it."""

"""Variants: which files an image is kept in, and how they are drawn from a code's modules."""

"""Keeps images and files: codes drawn in all variants, uploads checked and resampled, served by signed URLs."""

"""Sheets of labels as PDF, and archives of files: made of codes in the background, kept for a week."""

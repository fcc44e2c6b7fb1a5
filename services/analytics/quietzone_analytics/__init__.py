"""Exact counts of scans."""

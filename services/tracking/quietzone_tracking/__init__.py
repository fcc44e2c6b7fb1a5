"""Scans: the public endpoint that redirects and records, and the forwarder behind it."""

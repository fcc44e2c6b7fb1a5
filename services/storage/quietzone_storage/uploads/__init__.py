"""Uploads: what somebody sends is looked at, scanned, and kept in all variants; what fails is quarantined and never served."""

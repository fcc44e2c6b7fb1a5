"""Counters: how many codes an account has, in all and by state, tag and folder; a projection of `qr.code.v1` in the service's own store."""

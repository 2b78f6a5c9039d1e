"""Dintero's bytes, statuses and headers, to values or typed errors: no I/O, no clock, no logger.

`fields` reads single JSON values with as much tolerance as loses nothing; `connections` and `accounts` make
snapshots of them; `token` reads the token's answer; `failures` makes a SourceError of everything else.
"""

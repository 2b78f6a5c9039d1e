"""The product's rules as pure functions and values: no clock, no randomness, no network, no disk, no log."""

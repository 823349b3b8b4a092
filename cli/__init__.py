"""The `retune` command: each one parses, calls one function of a room, and prints."""

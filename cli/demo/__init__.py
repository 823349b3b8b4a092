"""`retune demo`: runs the whole loop on three files and prints each step."""

"""`retune demo`: the whole loop on three files, told as it happens."""

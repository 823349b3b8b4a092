"""The tables of the ledger, one module each: what is written to it, and what is read."""

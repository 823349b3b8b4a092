"""What the ledger knows of a model over time, for charts: bounded, and found by indexes whatever the ledger's size."""

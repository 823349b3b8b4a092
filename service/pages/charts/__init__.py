"""The charts of a model's page: what the ledger knows over time, drawn over one axis."""

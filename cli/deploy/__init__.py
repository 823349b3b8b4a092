"""`retune deploy`: from a file of labelled rows to a served model."""

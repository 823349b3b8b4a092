"""Is this data fit to train on: what is wrong with it, in which rows, and what to do about it."""

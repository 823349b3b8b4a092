"""Checks of a data file before training."""

"""Erases what must not be kept."""

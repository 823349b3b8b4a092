"""Verdict → decision → labels → retrain → gate → promotion."""

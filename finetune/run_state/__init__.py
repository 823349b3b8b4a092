"""What outlives one process of a run, or holds in all of them."""

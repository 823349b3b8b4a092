"""The page about one training run: what it learned, how well, and where it is wrong."""

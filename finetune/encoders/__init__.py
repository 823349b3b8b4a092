"""The pretrained encoder: finding, checking and loading it, and caching its embeddings."""

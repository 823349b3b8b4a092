"""The pretrained encoder: found, checked, loaded, and its embeddings kept."""

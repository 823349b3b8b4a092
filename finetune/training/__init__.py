"""One training of a classifier: its recipe, its loss, its speed, its learning rate, its best state."""

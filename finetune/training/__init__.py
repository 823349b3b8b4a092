"""Training of a classifier: recipe, loss, learning rate, callbacks, saved states."""

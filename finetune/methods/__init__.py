"""Ways to fine-tune: each takes a `Task` and gives a `Fitted`."""

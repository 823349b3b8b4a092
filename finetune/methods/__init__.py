"""Ways to fine-tune, a file each: a method takes a `Task` and gives a `Fitted`."""

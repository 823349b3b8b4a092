"""Methods of fine-tuning, one per file: a method takes a `Task` and returns a `Fitted`."""

"""The `retune` command line. Each command parses its options, calls other packages, and prints the result."""

"""What a text looks like."""

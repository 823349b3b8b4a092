"""What people tell the loop, and where it stands."""

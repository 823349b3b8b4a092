"""This process and others of the machine."""

"""The command line: what was asked for, what was given, and the pictures that are made without a browser."""

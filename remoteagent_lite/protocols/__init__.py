"""Protocols: values in, values out. Nothing in this package does I/O or starts a thread."""

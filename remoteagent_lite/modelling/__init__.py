"""What the generated models inherit: the view of a JSON object, and what outputs can do."""

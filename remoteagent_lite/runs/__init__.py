"""How a run lives: begun, read as a stream, waited for, cancelled and taken up again."""

"""Who is spoken to: a server, with whose credentials, after what negotiation."""

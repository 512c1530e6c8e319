"""How bytes travel: connections, time limits, retries, bodies. Knows no agents."""

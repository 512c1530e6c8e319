"""Benchmarks of remoteagent_lite against a replay server: ``python -m benchmarks``."""

"""Peers: the real and the faulty servers that the tests talk to.

=================  ==============================================================================
`environments`     builds and finds the virtual environments in which the real servers run
`server`           `PeerServer`: starts, kills and restarts one real server
`launch`           runs in the peer's process: serves an app on the socket it was given
`agentos`          runs in the peer's process: an AgentOS with a scripted model
`faults`           `RawServer` and `Proxy`: crafted answers and broken connections, in this process
`record`           records what the real servers answer into ``tests/fixtures/``
`fixtures`         the pytest fixtures
=================  ==============================================================================
"""

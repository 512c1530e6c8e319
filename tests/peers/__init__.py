"""Peers: the real and the faulty servers that the tests talk to.

=================  ==============================================================================
`environments`     builds and finds the virtual environments in which the real servers run
`server`           `PeerServer`: starts, kills and restarts one real server
`launch`           runs in the peer's process: serves an app on the socket it was given
`agentos`          runs in the peer's process: an AgentOS with a scripted model
`a2a_sdk`          runs in the peer's process: an agent on a2a-sdk 1.x, protocol 1.0 and 0.3
`a2a_sdk_03`       runs in the peer's process: the same agent on a2a-sdk 0.3
`a2a_verbs`        what that agent can be told to do, for both
`a2a_front`        what stands before both and ADK: tokens, changed cards, counting
`a2a_crafted`      `Agent`: an A2A agent whose answers are crafted, in this process
`adk`              runs in the peer's process: a Google ADK agent with a scripted model
`faults`           `RawServer` and `Proxy`: crafted answers and broken connections, in this process
`ledger`           what `RawServer` answers in the soak: agents that count what they execute
`record`           records what the real servers answer into ``tests/fixtures/``
`fixtures`         the pytest fixtures
=================  ==============================================================================
"""

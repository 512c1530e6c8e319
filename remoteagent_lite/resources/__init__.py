"""The endpoints of an AgentOS, one module for each of its topics.

Each endpoint is written once, as a method whose arguments are the endpoint's. AgentOSClient,
RemoteDb and RemoteKnowledge inherit them and differ in the ids that go along.
"""

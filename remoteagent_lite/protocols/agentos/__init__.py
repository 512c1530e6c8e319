"""AgentOS REST: requests for its endpoints, and what their answers say. No I/O."""

"""Unit tests of ocf_agents/runtime/children."""

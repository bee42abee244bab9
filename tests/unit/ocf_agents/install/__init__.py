"""Unit tests of ocf_agents/install."""

"""Unit tests of ocf_agents/network/ethernet."""

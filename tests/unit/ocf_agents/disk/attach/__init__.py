"""Unit tests of ocf_agents/disk/attach."""

"""Unit tests of ocf_agents/watcher."""

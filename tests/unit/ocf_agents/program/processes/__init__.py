"""Unit tests of ocf_agents/program/processes."""

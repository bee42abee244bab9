"""Tests: unit/ needs no root and no cluster, rig/ runs on a real one."""

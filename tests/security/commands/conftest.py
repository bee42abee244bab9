"""The command line on a machine made for a test, as the unit tests have it."""

from __future__ import annotations

from tests.unit.pcs_wrapper.conftest import cluster, description, live, takeover

__all__ = ["cluster", "description", "live", "takeover"]

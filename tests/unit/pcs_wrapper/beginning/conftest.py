"""A machine at which a cluster begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.fakes.site import Site, two_networks


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a machine in two networks, with a disk of a portal's and a power switch."""
    return two_networks(tmp_path / "root")

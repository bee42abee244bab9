"""What keeps an application's processes together."""

from __future__ import annotations

import os
from pathlib import Path

from ocf_agents.program.containment import Cgroup


def test_a_cgroup_that_goes_away_while_it_is_read_is_empty(tmp_path: Path) -> None:
    """Systemd removes a scope as soon as its last process has ended, in the midst of a stop."""
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/cgroup.procs").symlink_to("gone")
    assert Cgroup(str(tmp_path)).members() == [os.getpid()]
    assert Cgroup(str(tmp_path / "gone")).members() == []

"""`takeover --version`."""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import PackageNotFoundError, version

import pytest

from pcs_wrapper.cli import run
from pcs_wrapper.machine.machine import Machine
from tests.unit.pcs_wrapper.pacemaker.test_versions import DEBIAN_12, Installed


def test_all_versions_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Takeover's own, and those of what it drives; what is missing is no failure."""
    installed = Installed({name: said for name, said in DEBIAN_12.items() if name != "corosync"})
    assert run(["--version"], Machine(runner=installed)) == 0
    assert capsys.readouterr().out == (
        f"takeover, version {version('takeover')}\n"
        "Pacemaker, version 2.1.5\nCorosync, not installed\npcs, version 0.11.5\n"
    )


def test_it_works_on_any_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Takeover runs from a checkout that is not installed."""

    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert run(["--version"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    names = [line.partition(",")[0] for line in captured.out.splitlines()]
    assert names == ["takeover", "Pacemaker", "Corosync", "pcs"]
    assert "takeover, version not known: it runs from a checkout\n" in captured.out

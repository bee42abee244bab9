"""Vagrant for a lab: what it is told, also by a later process that takes the lab down."""

import os
from pathlib import Path

import pytest

from vagrant.lab import place
from vagrant.lab.place import LabLayout, Place
from vagrant.lab.vagrant import Vagrant

_LAYOUT = LabLayout(
    name="a", purpose="lab", nodes=2, luns=1, lun_mib=64, release="bookworm", private=False
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A lab whose Vagrant only tells which box it was given."""
    program = tmp_path / "bin/vagrant"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$1 ${TAKEOVER_BOX-none}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("TAKEOVER_BOX", raising=False)
    monkeypatch.setattr(place, "LABS", tmp_path / "labs")
    lab = Place("a")
    lab.folder.mkdir(parents=True)
    return lab


def test_a_given_box_is_remembered(
    lab: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another box in its configuration, Vagrant would leave the image of this one behind."""
    monkeypatch.setenv("TAKEOVER_BOX", str(tmp_path / "own.box"))
    Vagrant(lab, _LAYOUT, None).prepare(print)
    monkeypatch.delenv("TAKEOVER_BOX")
    box = lab.folder / "takeover.box"
    assert Vagrant(lab, _LAYOUT, None).run("destroy") == f"destroy {box}\n"
    assert box.readlink() == tmp_path / "own.box"


def test_public_boxes_are_used_where_no_other_is_given(lab: Place) -> None:
    """A machine whose libvirtd runs may have a network behind it."""
    vagrant = Vagrant(lab, _LAYOUT, None)
    vagrant.prepare(print)
    assert vagrant.run("up") == "up none\n"

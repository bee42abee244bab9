"""Odd superblocks: what is on a shared disk may be anything."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from ocf_agents.disk import multimount
from ocf_agents.runtime.agent import Deadline


@pytest.mark.parametrize("exponent", [7, 31, 4000, 0xFFFFFFFF])
@pytest.mark.parametrize("block", [1, 0xFFFFFFFFFFFFFFFF])
def test_nonsense_in_a_superblock_costs_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exponent: int, block: int
) -> None:
    """A block size of 2 to the power of four billion took 1.6 GB: it has no protection."""
    monkeypatch.setattr(os, "O_DIRECT", 0)
    superblock = bytearray(1024)
    superblock[0x38:0x3A] = multimount.EXT_MAGIC
    superblock[0x60:0x64] = multimount.INCOMPAT_MMP.to_bytes(4, "little")
    superblock[0x18:0x1C] = exponent.to_bytes(4, "little")
    superblock[0x168:0x170] = block.to_bytes(8, "little")
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1024) + superblock + bytes(8192))
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert multimount.protection(str(disk), Deadline(5)) is None
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after <= max(before, own + 65536)  # KiB

"""Ext4's multi-mount protection (MMP): which node has a filesystem mounted, by its superblock.

The kernel refuses to mount what another node has, but says only "invalid argument". The node's name
is in the MMP block (kernel: Documentation/filesystems/ext4, "Multiple Mount Protection"; the
offsets are those of struct ext4_super_block and struct mmp_struct).
"""

from __future__ import annotations

import os
import time

from ocf_agents.runtime.agent import AgentError, Deadline
from ocf_agents.runtime.bounded import bounded

WINDOW = 4096  # bytes; what O_DIRECT reads at once, at multiples of it
SUPERBLOCK = 1024  # bytes from the beginning of the device
EXT_MAGIC = b"\x53\xef"  # at 0x38
INCOMPAT_MMP = 0x100  # of s_feature_incompat, at 0x60
LARGEST_BLOCK = 16  # 64 KiB, as a power of two
LARGEST_OFFSET = (1 << 63) - WINDOW  # bytes; what preadv(2) takes
MMP_MAGIC = b"PMM\x00"
CLEAN, CHECKED = 0xFF4D4D50, 0xE24D4D50  # mmp_seq: unmounted; e2fsck is at work


class Protection:
    """The multi-mount protection of a filesystem.

    Args:
        block: Its MMP block.
    """

    def __init__(self, block: bytes) -> None:
        self.sequence = int.from_bytes(block[4:8], "little")
        self.seconds = int.from_bytes(block[8:16], "little")  # of the last sign of life
        self.node = _text(block[16:80])
        self.device = _text(block[80:112])

    @property
    def holder(self) -> str:
        """Who has the filesystem in use, in words; "" if nobody."""
        if self.sequence == CLEAN:
            return ""
        when = time.strftime("%H:%M:%S", time.localtime(self.seconds))
        who = f"{self.node} (as {self.device}, last seen {when})"
        if self.sequence == CHECKED:
            return f"e2fsck on {who}; if that was interrupted: tune2fs -f -E clear_mmp"
        return who


def protection(device: str, deadline: Deadline) -> Protection | None:
    """Return the multi-mount protection of a device's filesystem, None if it has none.

    Raises:
        AgentError: The device cannot be read in time.
    """
    text = bounded(lambda: _read(device).hex(), deadline, f"reading {device}")
    return Protection(bytes.fromhex(text)) if text else None


def refusal(device: str, deadline: Deadline) -> str:
    """Return why multi-mount protection keeps a device from being mounted, "" if it does not."""
    try:
        found = protection(device, deadline)
    except AgentError:
        return ""
    holder = found.holder if found else ""
    return f"multi-mount protection: in use by {holder}" if holder else ""


def _read(device: str) -> bytes:
    """Return the MMP block of a device past the page cache, which may be old; b"" if none."""
    import mmap

    descriptor = os.open(device, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)

    def read(offset: int, length: int) -> bytes:
        window = mmap.mmap(-1, WINDOW)
        os.preadv(descriptor, [window], offset - offset % WINDOW)
        return window[offset % WINDOW :][:length]

    superblock = read(SUPERBLOCK, 1024)
    incompatible = int.from_bytes(superblock[0x60:0x64], "little")
    if superblock[0x38:0x3A] != EXT_MAGIC or not incompatible & INCOMPAT_MMP:
        return b""
    exponent = int.from_bytes(superblock[0x18:0x1C], "little")
    place = int.from_bytes(superblock[0x168:0x170], "little") << min(exponent + 10, LARGEST_BLOCK)
    if exponent + 10 > LARGEST_BLOCK or place > LARGEST_OFFSET:
        return b""  # nonsense
    block = read(place, 1024)
    return block if block.startswith(MMP_MAGIC) else b""


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode(errors="replace") or "?"

"""What keeps a filesystem busy and is in no table of descriptors, or does not say what it keeps.

On nodes that see no process but their own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from ocf_agents.runtime.agent import Code
from tests.rig.on_host.disks import image, loop
from tests.security.enclosed import Enclosed, ended

POINT = "/srv/shop"
SHORT = {"OCF_RESKEY_CRM_meta_timeout": "4000"}
ROOT = 0
WAIT = "print('ready', flush=True); time.sleep(600)"
SYSTEM_CALLS = "import ctypes, os, struct, time; c = ctypes.CDLL(None, use_errno=True)\n"
# io_uring_setup(2), io_uring_register(2), io_uring_enter(2), fsopen(2) and the like have the same
# numbers on all machines but Alpha.
RING = (
    f"{SYSTEM_CALLS}parameters = ctypes.create_string_buffer(120)\n"
    "ring = c.syscall(425, 4, parameters); assert ring >= 0, ctypes.get_errno()\n"
)
#: Of an ordinary user.
OF_A_USER = {
    "a file that is registered with io_uring": (
        f"{RING}f = os.open({POINT + '/f'!r}, os.O_RDWR | os.O_CREAT)\n"
        "assert c.syscall(427, ring, 2, (ctypes.c_int * 1)(f), 1) == 0\n"
        f"os.close(f); {WAIT}"
    ),
    "a request in flight in io_uring": (
        f"{RING}import mmap\n"
        "offsets = struct.unpack_from('=10I', parameters.raw, 40)\n"  # of io_sqring_offsets
        "queue = mmap.mmap(ring, 4096, offset=0)\n"
        "entries = mmap.mmap(ring, 4096, offset=0x10000000)\n"
        f"os.mkfifo({POINT + '/pipe'!r}); f = os.open({POINT + '/pipe'!r}, os.O_RDWR)\n"
        "buffer = ctypes.create_string_buffer(8)\n"
        "entries[:64] = struct.pack('=BBHiQQIIQ24x', 22, 0, 0, f, 0, "
        "ctypes.addressof(buffer), 8, 0, 0)[:64]\n"  # IORING_OP_READ
        "queue[offsets[6]:offsets[6] + 4] = struct.pack('=I', 0)\n"
        "queue[offsets[1]:offsets[1] + 4] = struct.pack('=I', 1)\n"
        "assert c.syscall(426, ring, 1, 0, 0, None, 0) == 1, ctypes.get_errno()\n"
        f"os.close(f); {WAIT}"
    ),
    "an open in io_uring that waits": (
        f"{RING}import mmap\n"
        "offsets = struct.unpack_from('=10I', parameters.raw, 40)\n"
        "queue = mmap.mmap(ring, 4096, offset=0)\n"
        "entries = mmap.mmap(ring, 4096, offset=0x10000000)\n"
        f"name = {POINT + '/pipe'!r}; os.mkfifo(name)\n"
        "path = ctypes.create_string_buffer(name.encode())\n"
        "entries[:64] = struct.pack('=BBHiQQIIQ24x', 18, 0, 0, -100, 0, "
        "ctypes.addressof(path), 0, 0, 0)[:64]\n"  # IORING_OP_OPENAT
        "queue[offsets[6]:offsets[6] + 4] = struct.pack('=I', 0)\n"
        "queue[offsets[1]:offsets[1] + 4] = struct.pack('=I', 1)\n"
        "assert c.syscall(426, ring, 1, 0, 0, None, 0) == 1, ctypes.get_errno()\n"
        f"time.sleep(0.3); {WAIT}"
    ),
    "a pipe that waits for its other end": (
        f"import os, threading, time; os.mkfifo({POINT + '/pipe'!r})\n"
        f"threading.Thread(target=lambda: open({POINT + '/pipe'!r}), daemon=True).start()\n"
        f"time.sleep(0.3); {WAIT}"
    ),
}
#: Of root's, as of a container's runtime or a virus scanner.
OF_ROOT = {
    "a mount that is attached nowhere": (
        f"{SYSTEM_CALLS}tree = c.syscall(428, -100, {POINT.encode()!r}, 1 | 0o2000000)\n"
        f"assert tree >= 0, ctypes.get_errno(); {WAIT}"
    ),
    "a file in a mount that was attached nowhere": (
        f"{SYSTEM_CALLS}tree = c.syscall(428, -100, {POINT.encode()!r}, 1 | 0o2000000)\n"
        "kept = os.open('f', os.O_RDWR | os.O_CREAT, dir_fd=tree); os.close(tree)\n"
        f"{WAIT}"
    ),
    "a new mount that is attached nowhere": (
        f"{SYSTEM_CALLS}import sys\ncontext = c.syscall(430, b'ext4', 0)\n"
        "assert c.syscall(431, context, 1, b'source', sys.argv[1].encode(), 0) == 0\n"
        "assert c.syscall(431, context, 6, None, None, 0) == 0, ctypes.get_errno()\n"
        "kept = c.syscall(432, context, 0, 0); assert kept >= 0, ctypes.get_errno()\n"
        f"os.close(context); {WAIT}"
    ),
}
#: Of root's, too: they do not say what they keep, and nobody of root's is ended on suspicion.
NAMED = {
    "unread events of fanotify": (
        f"{SYSTEM_CALLS}queue = c.syscall(300, 0, 0); assert queue >= 0\n"
        f"assert c.fanotify_mark(queue, 0x11, ctypes.c_uint64(0x20), -100, {POINT.encode()!r}) == 0"
        f"\nos.close(os.open({POINT + '/f'!r}, os.O_RDWR | os.O_CREAT)); {WAIT}"
    ),
    "a filesystem that is being opened": (
        f"{SYSTEM_CALLS}import sys\ncontext = c.syscall(430, b'ext4', 0)\n"
        "assert c.syscall(431, context, 1, b'source', sys.argv[1].encode(), 0) == 0\n"
        f"assert c.syscall(431, context, 6, None, None, 0) == 0, ctypes.get_errno(); {WAIT}"
    ),
}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Enclosed]:
    node = Enclosed(install_agents(tmp_path)[0].parent, tmp_path / "rsctmp")
    yield node
    node.end()


@pytest.fixture
def given(node: Enclosed, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the parameters of a filesystem that is mounted."""
    with loop(image(tmp_path / "disk.img", size=64)) as device:
        given = {"device": device, "directory": POINT, "fstype": "ext4"}
        assert node.act("filesystem", "start", **given) == (0, "")
        node.run("chmod", "1777", POINT)
        yield given
        node.act("filesystem", "stop", SHORT, **given)
        node.run("umount", "--lazy", POINT, check=False)


def in_use(given: dict[str, str]) -> bool:
    return Path("/sys/fs/ext4", Path(given["device"]).name).exists()


@pytest.mark.parametrize("kind", [*OF_A_USER, *OF_ROOT])
def test_who_keeps_it_is_ended(node: Enclosed, given: dict[str, str], kind: str) -> None:
    """A user's on suspicion, where the node would be lost otherwise; a bystander is not."""
    uid = ROOT if kind in OF_ROOT else 65534
    script = {**OF_A_USER, **OF_ROOT}[kind]
    bystander = f"import os, time; kept = os.open('/srv', os.O_RDONLY); {WAIT}"
    with (
        node.user(bystander) as other,
        node.user(script, given["device"], uid=uid) as keeper,
    ):
        code, said = node.act("filesystem", "stop", SHORT, **given)
        assert code == Code.SUCCESS, said
        assert not in_use(given)
        assert ended(keeper)
        assert other.poll() is None


@pytest.mark.parametrize("kind", NAMED)
def test_who_may_keep_it_is_named(node: Enclosed, given: dict[str, str], kind: str) -> None:
    """The stop fails, and says whom an administrator should look at."""
    with node.user(NAMED[kind], given["device"], uid=ROOT) as keeper:
        code, said = node.act("filesystem", "stop", SHORT, **given)
        assert code == Code.ERR_GENERIC, said
        assert "perhaps python3 (" in said
        assert keeper.poll() is None
        subprocess.run([*node.enter, "pkill", "-9", "python3"], check=True)
    assert node.act("filesystem", "stop", SHORT, **given)[0] == Code.SUCCESS
    assert not in_use(given)

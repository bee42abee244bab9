"""Programs that build something from this checkout, and the caches for what they have built."""

import fcntl
import hashlib
import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vagrant.common.errors import TreeError

CACHE_DIR = Path("/var/cache/takeover-rig")
CHECKOUT = Path(__file__).resolve().parents[2]


def run(*command: str | Path) -> None:
    """Run a program that builds something.

    Raises:
        TreeError: The program failed; the message has the end of its output.
    """
    # Nothing goes on alone when this process is killed: the next run would meet it.
    words = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
    environment = os.environ | {"LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
    )
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-15:])
        raise TreeError(
            f"{shlex.join(words)}\nexited with {result.returncode}:\n{tail}\n"
            "The Debian mirror and PyPI must be reachable; what was begun is built anew next time"
        )


def digest(parts: Iterable[bytes]) -> str:
    """Return twelve hexadecimal digits that name what a cached thing was made of."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextmanager
def cache_lock(folder: Path = CACHE_DIR) -> Iterator[None]:
    """Let one process at a time change a cache.

    Args:
        folder: The cache's folder; it is made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

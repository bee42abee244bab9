"""Debian root trees, built from Debian's packages alone.

A tree holds what an administrator would have installed before the first `takeover` command: the
cluster packages, and a virtual environment in /opt/takeover with the locked dependencies. Takeover
itself is not in it: each rig installs the wheel of its own checkout.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vagrant.common.building import CHECKOUT, run

LOCK = CHECKOUT / "requirements.lock"

#: Python version of each Debian release that can be chosen.
PYTHON_OF = {"bookworm": "3.11", "trixie": "3.13"}

_UNDOCUMENTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def make_tree(
    release: str,
    packages: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
    hooks: Sequence[str] = (),
) -> None:
    """Make a root tree with Debian's packages, and Takeover's dependencies in /opt/takeover.

    Args:
        release: A key of `PYTHON_OF`.
        packages: Names of Debian packages.
        folder: The tree's folder; it must not exist.
        say: Called with each step that takes a while.
        hooks: Shell commands that change the tree when the packages are in it (mmdebstrap(1),
            "HOOKS"); $1 is its folder.

    Raises:
        TreeError: A step failed; what was begun is in `folder`.
    """
    say(f"building the {release} root tree (a few minutes, once)")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in _UNDOCUMENTED]
    # In namespaces of its own, so that being killed leaves no mount and no process behind.
    run(
        *("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"),
        *("mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"),
        *(f"--customize-hook={hook}" for hook in hooks),
        *(*options, '--aptopt=Acquire::Languages "none"', release, str(folder)),
    )
    say(f"installing Takeover's dependencies in the {release} root tree")
    wheels = folder / "tmp" / "wheels"
    run(
        *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"),
        *("--require-hashes", "--requirement", LOCK, "--dest", wheels),
        *("--python-version", PYTHON_OF[release], "--only-binary", ":all:"),
    )
    shutil.copy(LOCK, wheels / LOCK.name)
    in_tree(folder, "python3", "-m", "venv", "/opt/takeover")
    in_tree(
        folder,
        *("/opt/takeover/bin/pip", "--quiet", "install", "--no-index", "--require-hashes"),
        *("--find-links", "/tmp/wheels", "--requirement", f"/tmp/wheels/{LOCK.name}"),  # noqa: S108
    )
    shutil.rmtree(wheels)
    (folder / "usr/local/bin/takeover").symlink_to("/opt/takeover/bin/takeover")


def in_tree(tree: Path, *command: str) -> None:
    """Run a command in a tree.

    Raises:
        TreeError: The command failed.
    """
    run("unshare", "--pid", "--fork", "--kill-child", "chroot", tree, *command)

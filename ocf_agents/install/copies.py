"""Whole copies of the agents' modules, a folder for each version, and which of them is current.

An action that begins during an update finds one whole version, the old one or the new one: a copy
is on the disk before one rename makes it the current one, and it stays while somebody uses it.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
FOLDER = Path("usr/lib/takeover/agents")
CURRENT = "current"  # in FOLDER: a link to the copy that is used
PREVIOUS = 1  # so many copies are kept besides: an action may have read the link already


def install_copy(root: Path, python: str) -> Path:
    """Make a copy of the modules of this Takeover, unless there is one, and make it the current.

    Args:
        root: The root of the system to install into.
        python: The interpreter to compile the modules for.

    Returns:
        The copy.

    Raises:
        OSError: It cannot be made.
    """
    folder = root / FOLDER
    make_folder(folder)
    with _Locked(folder):
        for remains in folder.glob(".*"):  # of an installation that was killed
            _remove(remains)
        copy = _copy(folder)
        _compile(copy, python)
        _sync(folder)
        os.utime(copy)  # the age of its last use decides which one is kept
        link = folder / f".{CURRENT}"
        link.symlink_to(copy.name)
        link.replace(folder / CURRENT)
        _sync(folder)
        _remove_unused(folder, copy)
    return copy


def make_folder(folder: Path) -> None:
    """Make a folder that all can read and only its owner can change, whatever the umask is."""
    for missing in [path for path in (folder, *folder.parents) if not path.exists()][::-1]:
        missing.mkdir()
        missing.chmod(0o755)


def foreign(package: Path = PACKAGE) -> list[Path]:
    """Return what decides about the modules and can be changed by others than root and this user.

    Args:
        package: The folder of the modules.
    """
    return [
        path for path in (package, *package.resolve().parents, *_sources(package)) if _open(path)
    ]


def _open(path: Path) -> bool:
    """Tell whether others than root and this user can change a file or folder."""
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        return True
    if path.is_dir() and found.st_mode & 0o1000:  # sticky: they cannot replace what is in it
        return False
    return bool(found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid))


class _Locked:
    """A `with` block in which nobody else installs.

    Args:
        folder: The folder of the copies.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *error: object) -> None:
        os.close(self._descriptor)


def _copy(folder: Path) -> Path:
    """Return a copy that is like the sources: the one that is there, or a new one."""
    digest = _digest(PACKAGE)
    name = f"{_version()}-{digest[:12]}"
    copy, number = folder / name, 1
    while copy.exists():
        if _digest(copy / PACKAGE.name) == digest:
            return copy
        # Damaged, but perhaps in use: it goes when nobody needs it.
        number += 1
        copy = folder / f"{name}.{number}"
    partial = folder / f".{copy.name}"
    for source in _sources(PACKAGE):
        target = partial / PACKAGE.name / source.relative_to(PACKAGE)
        make_folder(target.parent)
        target.write_bytes(source.read_bytes())
        target.chmod(0o644)
    partial.rename(copy)
    return copy


def _sources(package: Path) -> list[Path]:
    """Return what belongs to a copy: the modules, and the meta-data that were written before."""
    return sorted([*package.rglob("*.py"), *package.rglob("meta_data/*.xml")])


def _digest(package: Path) -> str:
    """Return what tells the content of one copy from any other's."""
    whole = hashlib.sha256()
    for source in _sources(package):
        content = source.read_bytes()
        whole.update(f"{source.relative_to(package)} {len(content)}\n".encode() + content)
    return whole.hexdigest()


def _version() -> str:
    try:
        return importlib.metadata.version("takeover")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _compile(copy: Path, python: str) -> None:
    """Compile what is not compiled yet: an action would do it again and again otherwise."""
    command = [python, "-IS", "-m", "compileall", "-q", str(copy)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _sync(folder: Path) -> None:
    """Have everything of the folder's filesystem on its disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        ctypes.CDLL(None).syncfs(descriptor)  # not sync(2), which waits for dead disks, too
    finally:
        os.close(descriptor)


def _remove_unused(folder: Path, current: Path) -> None:
    """Remove the copies that no process uses, but for the current one and the one before it."""
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != CURRENT]
    others = sorted((p for p in others if p != current), key=lambda p: p.stat().st_mtime_ns)
    used = _used(folder)
    for path in others[:-PREVIOUS]:
        if path.name not in used:
            _remove(path)


def _used(folder: Path) -> set[str]:
    """Return the names of the copies that processes have open, as agents and the watcher do."""
    prefix = f"{folder.resolve()}/"
    used = set()
    for process in filter(str.isdecimal, os.listdir("/proc")):
        for target in _open_files(f"/proc/{process}/fd"):
            if target.startswith(prefix):
                used.add(target.removeprefix(prefix).partition("/")[0])
    return used


def _open_files(descriptors: str) -> list[str]:
    """Return what a process has open; nothing if it has ended."""
    try:
        names = os.listdir(descriptors)
    except OSError:
        return []
    found = []
    for name in names:
        try:
            found.append(os.readlink(f"{descriptors}/{name}"))
        except OSError:
            continue  # it was closed meanwhile
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()

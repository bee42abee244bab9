"""A program: runs a command on a machine that has only the basic programs. Needs root.

    python without_programs.py FOLDER COMMAND ARGUMENT...

In a mount namespace of its own the folders of programs are replaced by ones that have a shell, the
utilities of POSIX and the interpreters of scripts, and nothing else: a node on which what a
resource needs is not installed. FOLDER is an existing folder to build that in.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
BASIC = frozenset(
    # Shells and interpreters
    "sh dash bash ksh ksh93 mksh zsh busybox perl env which which.debianutils "
    # Utilities of POSIX.1-2017 that do nothing but read and write text, files and processes
    "awk gawk mawk original-awk basename cat chgrp chmod chown cksum cmp comm cp csplit cut date "
    "dd df diff dirname du echo expand expr false find fold getconf grep egrep fgrep head iconv id "
    "join kill link ln locale logger logname ls mkdir mkfifo mv nice nl nohup od paste pathchk "
    "printf ps pwd readlink realpath rm rmdir sed sleep sort split stat stty tail tee test [ touch "
    "tr true tsort tty uname unexpand uniq unlink wc who whoami xargs hostname seq mktemp timeout "
    "sync tac nproc arch groups sha1sum sha256sum md5sum setsid".split()
)
INTERPRETERS = ("python3", "perl5")  # and what their versions are called
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def hide_programs(folder: Path, kept: frozenset[str] = BASIC) -> None:
    """Hide all programs but some from this process and those that it starts.

    Args:
        folder: An existing folder, on which a filesystem in memory is mounted.
        kept: The names of the programs that stay.

    Raises:
        OSError: It is not allowed.
    """
    _check(_libc.unshare(CLONE_NEWNS))
    _mount("none", "/", flags=MS_REC | MS_PRIVATE)
    _mount("tmpfs", str(folder), kind=b"tmpfs")
    for number, programs in enumerate(sorted({os.path.realpath(each) for each in FOLDERS})):
        if not Path(programs).is_dir():
            continue
        real, seen = folder / f"real{number}", folder / f"seen{number}"
        real.mkdir()
        seen.mkdir()
        _mount(programs, str(real), flags=MS_BIND)
        for name in os.listdir(real):  # noqa: PTH208 - thousands of names, on every call
            if name in kept or name.startswith(INTERPRETERS):
                (seen / name).symlink_to(real / name)
        _mount(str(seen), programs, flags=MS_BIND)


def interpreter(script: Path) -> str:
    """Return the name of the interpreter that a script asks for; "" if it is no script."""
    with script.open("rb") as file:
        first = file.readline(256).decode(errors="replace")
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    names = [Path(word).name for word in words if not word.startswith("-")]
    return next((name for name in names if name != "env"), "")


def _mount(source: str, target: str, kind: bytes | None = None, flags: int = 0) -> None:
    _check(_libc.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), None))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    hide_programs(Path(sys.argv[1]), BASIC | {interpreter(Path(sys.argv[2]))})
    os.execv(sys.argv[2], sys.argv[2:])

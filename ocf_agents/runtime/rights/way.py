"""Walk to a file or folder by descriptors, so that nobody can lead root astray on the way.

Whoever may change a folder can put a link to /etc there, at any moment. So links are followed only
where nobody but root (or whoever runs this) can change anything; beyond that a way may lead through
folders, by their descriptors, but through no link.
"""

from __future__ import annotations

import os
import stat

FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
LINKS = 40  # as many as the kernel follows (path_resolution(7))


class Place:
    """What a way leads to: a name in a folder. Close it in the end, as a `with` block does.

    Args:
        folder: The descriptor of the folder.
        name: The name, which is no link.
        trusted: Whether nobody else could have changed the way to the folder, or can.
    """

    def __init__(self, folder: int, name: str, *, trusted: bool) -> None:
        self.folder = folder
        self.name = name
        self.trusted = trusted

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the folder."""
        os.close(self.folder)

    @property
    def path(self) -> str:
        """The path without links, as the kernel has it now."""
        return f"{path_of(self.folder).rstrip('/')}/{self.name}"


def walk(path: str, *, strict: bool = True, sticky: bool = False, make: bool = False) -> Place:
    """Walk to the last name of an absolute path.

    Args:
        path: The path.
        strict: Whether folders that others than root can change are refused altogether; else it is
            only links in them.
        sticky: Whether folders such as /tmp are not taken for such: what root has there, nobody
            else can change. The caller has to look whose the last name is.
        make: Whether to make the folders that are missing.

    Raises:
        PermissionError: Others than root can change the way.
        OSError: It cannot be walked.
    """
    walker = _Walker(path, strict=strict, sticky=sticky or not strict, make=make)
    try:
        walker.go()
    except BaseException:
        os.close(walker.folder)
        raise
    return Place(walker.folder, walker.name, trusted=walker.trusted)


def resolve(path: str) -> str:
    """Return an absolute path without the links that nobody but root can have put there.

    What others can change is not looked at: their links are not followed, and their filesystems,
    which may hang, not asked.
    """
    walker = _Walker(path, strict=True, sticky=True, make=False)
    try:
        walker.go()
        rest = [walker.name]
    except OSError:
        rest = [walker.name, *walker.names[::-1]]
    try:
        return os.path.normpath("/".join([path_of(walker.folder), *rest]).replace("//", "/"))
    finally:
        os.close(walker.folder)


def path_of(descriptor: int) -> str:
    """Return the path of a descriptor, as the kernel has it now."""
    return os.readlink(f"/proc/self/fd/{descriptor}")


def is_trusted(status: os.stat_result, *, sticky: bool = False) -> bool:
    """Tell whether nobody but root, or whoever runs this, can change a folder.

    Args:
        status: The status of the folder.
        sticky: Whether a folder such as /tmp will do: what root has put there, nobody else can
            change.
    """
    others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return _is_own(status) and (not others or (sticky and bool(status.st_mode & stat.S_ISVTX)))


class _Walker:
    def __init__(self, path: str, *, strict: bool, sticky: bool, make: bool) -> None:
        self._path = path
        self._strict = strict
        self._make = make
        self._sticky = sticky
        self._links = 0
        self.names = path.split("/")[::-1]  # what is still to be walked, the next one last
        self.folder = os.open("/", FOLDER)
        self.name = ""
        self.trusted = True

    def go(self) -> None:
        """Walk until only the last name is left."""
        while True:
            self.name = self.names.pop()
            safe = is_trusted(os.fstat(self.folder), sticky=self._sticky)
            self._insist(safe or not self._strict)
            self.trusted = self.trusted and safe
            if target := self._target():
                self._links += 1
                self._insist(self._links <= LINKS)
                self.names += target.split("/")[::-1]
                self.name = "/" if target.startswith("/") else "."
            elif not any(self.names):
                return
            if self.name:
                self._enter()

    def _insist(self, condition: bool) -> None:
        if not condition:
            raise PermissionError(self._path)

    def _target(self) -> str:
        """Return where a link leads to, "" if it is none."""
        try:
            flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
            link = os.open(self.name or ".", flags, dir_fd=self.folder)
        except OSError:
            return ""
        try:
            status = os.fstat(link)
            if not stat.S_ISLNK(status.st_mode):
                return ""
            self._insist(self.trusted and _is_own(status))
            return os.readlink("", dir_fd=link)
        finally:
            os.close(link)

    def _enter(self) -> None:
        flags = FOLDER | os.O_NOFOLLOW
        try:
            entered = os.open(self.name, flags, dir_fd=self.folder)
        except FileNotFoundError:
            if not self._make:
                raise
            make_folder(self.folder, self.name)
            entered = os.open(self.name, flags, dir_fd=self.folder)
        os.close(self.folder)
        self.folder = entered


def make_folder(folder: int, name: str) -> None:
    """Make a folder in another one, if it is not there."""
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        return


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())

"""The mount point: found, made and left by descriptors, wherever others may put links on its way.

A mount point below a folder of the application's user is that user's: a link there would have root
mount over /etc. Where nobody but root can change the way, paths will do.
"""

from __future__ import annotations

import contextlib
import os
import stat

from ocf_agents.disk.parameters import is_for_data
from ocf_agents.disk.place import syscalls
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.bounded import bounded
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.mountinfo import at, mounts
from ocf_agents.runtime.rights.way import FOLDER, Place, is_trusted, make_folder, path_of, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.runtime.mountinfo import Mount

A_LINK = "in a folder that others than root can change there is a link on the way to"
WITHOUT = "give the mount point without links"
FILE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Point:
    """A folder, or a file, to mount on. Close it in the end, as a `with` block does.

    Args:
        descriptor: Its descriptor.
        place: Its place.
        trusted: Whether nobody but root can change the way to it.
    """

    def __init__(self, descriptor: int, place: Place, *, trusted: bool) -> None:
        self.descriptor = descriptor
        self._place = place
        self.trusted = trusted

    def __enter__(self) -> Point:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.descriptor)
        self._place.close()

    @property
    def path(self) -> str:
        """Its path without links, as the kernel has it now."""
        return path_of(self.descriptor)

    @property
    def target(self) -> str:
        """A path for mount(8) that leads to this very folder, whatever becomes of its names.

        mount(8) of util-linux 2.39 and later does not follow a link at the end.
        """
        return f"/proc/{os.getpid()}/fd/{self.descriptor}/."

    def share(self) -> None:
        """Have an unmount here go on to the copies in the mount namespaces of services.

        So it is where systemd has booted the machine, but not in a container (systemd(1),
        mount_namespaces(7)). There a service that begins while the filesystem is mounted, and has a
        /tmp of its own, keeps a copy. With systemd before 254 it keeps another one below its root:
        no table shows that, nothing can unmount it, and the disk stays in use until it ends.
        """
        table = mounts()
        found = [each for each in table if each.id == mount_id(self.descriptor)]
        if not self.trusted or not found or found[0].is_shared:
            return
        if at(table, found[0].point)[-1:] == found:  # else something else is mounted over it
            try:
                syscalls.mount("", found[0].point, "", syscalls.MS_SHARED, "")
            except OSError as error:
                log(f"{found[0].point} cannot be shared: {error.strerror}", WARNING)


def make(path: str, deadline: Deadline, *, file: bool = False) -> Point:
    """Return a mount point, made if it is not there.

    Args:
        path: Its absolute path.
        deadline: The end of the time for it.
        file: Whether it is to be a file, for a file that is bound.

    Raises:
        AgentError: Others than root have a link on the way, or it is a folder of the system
            (ERR_ARGS).
        OSError: It cannot be made.
    """
    try:
        place = walk(path, sticky=True, make=True)
    except PermissionError:
        # A filesystem of the user's may be on the way, and hang: so a child walks first.
        if reason := bounded(lambda: _refusal(path), deadline, f"opening {path}"):
            raise AgentError(reason, Code.ERR_ARGS) from None
        place = _walk_as_a_guest(path)
    try:
        return _point(place, path, file=file)
    except BaseException:
        place.close()
        raise


def _refusal(path: str) -> str:
    """Return why the way to a mount point is refused, "" if it is not."""
    try:
        _walk_as_a_guest(path).close()
    except AgentError as error:
        return str(error)
    return ""


def _walk_as_a_guest(path: str) -> Place:
    """Walk through folders that others can change, but through no link of theirs."""
    try:
        return walk(path, strict=False, make=True)
    except PermissionError as error:
        reason = f"{error.strerror}: {path}" if error.errno else f"{A_LINK} {path}; {WITHOUT}"
        raise AgentError(reason, Code.ERR_ARGS) from error
    except NotADirectoryError as error:
        raise AgentError(f"there is a file on the way to {path}", Code.ERR_ARGS) from error


def _point(place: Place, path: str, *, file: bool) -> Point:
    if not is_for_data(place.path):
        reason = f"directory={path} leads to {place.path}, a folder of the system"
        raise AgentError(reason, Code.ERR_ARGS)
    descriptor = _open(place, path, file=file)
    # In a folder such as /tmp what root does not own is its owner's to move.
    owner = os.fstat(descriptor).st_uid
    settled = is_trusted(os.fstat(place.folder)) or owner in (0, os.geteuid())
    if file and not (place.trusted and settled):
        os.close(descriptor)
        reason = f"{path} is a file in a folder that others than root can change"
        raise AgentError(reason, Code.ERR_ARGS)
    return Point(descriptor, place, trusted=place.trusted and settled)


def _open(place: Place, path: str, *, file: bool) -> int:
    """Open the last name, and make it if it is not there."""
    if file:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(FileExistsError):
            os.close(os.open(place.name, flags, 0o600, dir_fd=place.folder))
    elif place.name:
        make_folder(place.folder, place.name)
    descriptor = os.open(place.name or ".", FILE, dir_fd=place.folder)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISLNK(kind) or stat.S_ISDIR(kind) is file:
        os.close(descriptor)
        what = "a file" if file else "a folder"
        raise AgentError(f"directory={path} is not {what}, and cannot be mounted on", Code.ERR_ARGS)
    return descriptor


def is_safe(mount: Mount) -> bool:
    """Tell whether nobody but root can change the way to where something is mounted."""
    try:
        # Not to the mount itself, which may hang.
        walk(f"{os.path.dirname(mount.point)}/.", sticky=True).close()
    except PermissionError:
        return False
    except OSError:
        return True  # it is not there, and nobody else can put anything there
    return True


def enter_folder_of(mount: Mount) -> str:
    """Make the folder of a mount point this process's own, and return the point's name in it.

    The kernel's path has no links: there is nothing to follow. The folder alone is entered, since
    whoever stands on the mount itself keeps it busy.

    Raises:
        OSError: The way is another one now.
    """
    folder = os.open("/", FOLDER)
    *names, last = mount.point.strip("/").split("/")
    for name in names:
        entered = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        os.close(folder)
        folder = entered
    os.fchdir(folder)
    os.close(folder)
    return last or "/"


def root_of(mount: Mount) -> int:
    """Return a descriptor of a mount's root folder.

    Raises:
        OSError: The way to it is another one now.
    """
    name = enter_folder_of(mount)
    descriptor = os.open(name, FILE)
    if mount_id(descriptor) != mount.id:
        os.close(descriptor)
        raise NotADirectoryError(f"{mount.point} is not what is mounted there")
    return descriptor


def mount_id(descriptor: int) -> str:
    """Return the ID of the mount that a descriptor is in."""
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii", errors="replace") as file:
        return next((line[7:].strip() for line in file if line.startswith("mnt_id:")), "")


def unmount(mount: Mount, flags: int = 0) -> str:
    """Unmount something by descriptors; in a child, since it changes the process's folder.

    Returns:
        Nothing; as a child has to.

    Raises:
        OSError: It cannot be unmounted.
    """
    os.close(root_of(mount))
    syscalls.umount(enter_folder_of(mount), flags)
    return ""

"""What an agent remembers between its actions, at most until the next boot: one small file."""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

from ocf_agents.runtime.journal import WARNING, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# With what is put around it, a file's name has at most 255 bytes.
LONGEST_NAME, DIGEST_BYTES = 222, 16
LARGEST = 65536  # bytes; a state has some hundred
PARTS = (".announcements",)
OTHERS_MAY_WRITE = 0o022
REGULAR, KINDS = 0o100000, 0o170000  # st_mode (inode(7))


def folder(environ: Mapping[str, str]) -> str:
    """Return the folder for run-time files of agents ($HA_RSCTMP, set by Pacemaker)."""
    return environ.get("HA_RSCTMP") or "/run/resource-agents"


def plain(instance: str) -> str:
    """Return a name with only what file and systemd unit names may contain, one for each instance.

    A name that has nothing else already stays as it is. Other characters become the numbers of
    their bytes behind a colon, and of a name that is too long a digest takes the end's place.
    """
    if _is_plain(instance) and len(instance) <= LONGEST_NAME:
        return instance
    escaped = "".join(
        each
        if _is_plain(each)
        else "".join(f":{byte:02x}" for byte in each.encode(errors="surrogateescape"))
        for each in instance
    )
    if len(escaped) <= LONGEST_NAME:
        return escaped
    import hashlib

    digest = hashlib.blake2b(escaped.encode(), digest_size=DIGEST_BYTES).hexdigest()
    return f"{escaped[: LONGEST_NAME - len(digest) - 2]}::{digest}"


def _is_plain(text: str) -> bool:
    bare = text.replace("-", "").replace("_", "").replace(".", "")
    return text.isascii() and (not bare or bare.isalnum())


def boot_id() -> str:
    """Return what tells this boot from all others."""
    with open("/proc/sys/kernel/random/boot_id", "rb", buffering=0) as file:
        return file.read().decode().strip()


class State:
    """The remembered values of one resource instance, readable by root only.

    Args:
        environ: The environment of the action.
        instance: The name of the resource.
        part: What of the resource it is about; "" for the resource itself.
    """

    def __init__(self, environ: Mapping[str, str], instance: str, part: str = "") -> None:
        self._folder = folder(environ)
        name = plain(instance)
        if part:
            name += f".{part}"
        elif name.endswith(PARTS):  # so that no resource has the state of another's part
            name = ":2e".join(name.rsplit(".", 1))
        self.path = f"{self._folder}/takeover-{name}.state"
        self._temporary = f"{self.path}.new"  # one name, so that killed actions leave no heap

    def read(self) -> dict[str, str]:
        """Return the values; none if nothing was remembered since the machine booted.

        None, too, if the file is not what `write` leaves: others have put it there, or damaged it.
        """
        flags = posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | posix.O_CLOEXEC
        try:
            descriptor = posix.open(self.path, flags)
        except FileNotFoundError:
            return {}
        except OSError as error:
            log(f"{self.path} is not taken for what was remembered: {error.strerror}", WARNING)
            return {}
        try:
            found = posix.fstat(descriptor)
            own = found.st_uid == posix.geteuid() and found.st_mode & KINDS == REGULAR
            if not own or found.st_mode & OTHERS_MAY_WRITE:
                log(f"{self.path} is not believed: others can write to it", WARNING)
                return {}
            lines = posix.read(descriptor, LARGEST).decode().splitlines()
        except ValueError:
            log(f"{self.path} is damaged: nothing is remembered", WARNING)
            return {}
        finally:
            posix.close(descriptor)
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        return values if values.pop("boot", "") == boot_id() else {}

    def write(self, values: Mapping[str, str]) -> None:
        """Remember the values (without line breaks) in place of all earlier ones.

        Raises:
            OSError: They cannot be remembered.
        """
        from ocf_agents.runtime.rights.folders import make_folder

        make_folder(self._folder, 0o755)
        lines = [f"{name}={value}\n" for name, value in {"boot": boot_id(), **values}.items()]
        # Made anew: what others have put there, or have open, is none of this file.
        _remove(self._temporary)
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
        descriptor = posix.open(self._temporary, flags, 0o600)
        try:
            posix.write(descriptor, "".join(lines).encode())
        finally:
            posix.close(descriptor)
        posix.replace(self._temporary, self.path)

    def forget(self) -> None:
        """Remove what was remembered.

        That it cannot be removed is no failure: what it tells of has ended, as readers see.
        """
        for path in (self.path, self._temporary):
            try:
                _remove(path)
            except OSError as error:
                log(f"{path} is left: {error.strerror}", WARNING)


def _remove(path: str) -> None:
    try:
        posix.unlink(path)
    except FileNotFoundError:
        return

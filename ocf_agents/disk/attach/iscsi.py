"""A LUN that the kernel's iSCSI initiator attaches, through open-iscsi's iscsiadm(8)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat

from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.state import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocf_agents.disk.attach.lun import Lun
    from ocf_agents.runtime.command import Result

BY_PATH = "/dev/disk/by-path"
# Where open-iscsi keeps its records: Debian's, and everybody else's place.
RECORDS = ("/etc/iscsi/nodes", "/var/lib/iscsi/nodes")
LOCKS = "/run"
POLL, RESCAN = 0.02, 2.0  # seconds
DEFAULT_PORT = 3260  # RFC 7143
END = "# END RECORD"
BEGUN_BY_BOOT = ("node.startup = automatic", "node.startup = onboot")
FLAT_SPACE = 256
ASKING = 0.25  # part of a stop's time for finding out who uses the LUNs
ISCSI_ERR_SESS_EXISTS, ISCSI_ERR_NO_OBJS_FOUND = 15, 21  # iscsiadm(8), "EXIT STATUS"


class Initiator:
    """A LUN that the kernel's iSCSI initiator (open-iscsi) attaches.

    Args:
        lun: The LUN.
    """

    def __init__(self, lun: Lun) -> None:
        self._lun = lun
        host, port = _host_and_port(lun.portal)
        self._record = f"{host},{port}"
        self._session = f"{BY_PATH}/ip-{host}:{port}-iscsi-{lun.target}-lun-"
        number = lun.number  # SAM-5, "Single level LUN structure": the flat space begins at 256
        written = str(number) if number < FLAT_SPACE else f"0x{number:04x}000000000000"
        self._device = self._session + written
        self._lock = -1

    def attach(self, deadline: Deadline) -> str:
        """Log in to the target and wait until udev has named the device."""
        self._take_lock(fcntl.LOCK_SH, deadline)
        # A record that exists stays as it is: it may hold the administrator's own settings.
        if self._node([], deadline, allowed=ISCSI_ERR_NO_OBJS_FOUND).code:
            self._node(["--op", "new"], deadline)
            # The cluster logs in, not the boot: iscsid.conf may say "automatic".
            self._node(["--op", "update", "-n", "node.startup", "-v", "manual"], deadline)
        if self._lun.user:
            self._authenticate()
        login = self._node(["--login"], deadline, allowed=ISCSI_ERR_SESS_EXISTS)
        # A LUN may be younger than the session.
        rescan = Deadline(0 if login.code else RESCAN)
        while not os.path.exists(self._device):
            if not rescan.left() and deadline.left():
                self._node(["--rescan"], deadline)
                rescan = Deadline(RESCAN)
            if not deadline.pause(POLL):
                raise AgentError(
                    f"logged in to {self._lun.target}, but {self._device} did not appear in time; "
                    "does the target have that LUN?"
                )
        return os.path.realpath(self._device)

    def device(self, deadline: Deadline) -> str | None:  # noqa: ARG002
        """Return the device's path if udev shows it."""
        return os.path.realpath(self._device) if os.path.exists(self._device) else None

    def detach(self, deadline: Deadline) -> None:
        """Log out, unless the boot began the session, or another LUN of it is in use."""
        from ocf_agents.runtime.bounded import bounded
        from ocf_agents.runtime.command import find

        try:
            find("iscsiadm")
        except AgentError:
            return  # without it, nothing was attached
        if self._is_begun_by_boot():
            return  # others rely on it, SBD for one: what it uses does not show that it is in use
        # Not while another resource is between the login and the mount of its LUN.
        self._take_lock(fcntl.LOCK_EX, deadline)
        limit = deadline.part(ASKING)
        luns = self._luns()
        if not bounded(lambda: " ".join(filter(_in_use, luns)), limit, "opening the LUNs"):
            self._node(["--logout"], deadline, allowed=ISCSI_ERR_NO_OBJS_FOUND)

    def _is_begun_by_boot(self) -> bool:
        """Tell whether open-iscsi's records have the boot log in (iscsid.conf, "node.startup")."""
        for root in RECORDS:
            for path in _records(f"{root}/{self._lun.target}", self._record):
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    if any(line.strip() in BEGUN_BY_BOOT for line in file):
                        return True
        return False

    def _take_lock(self, kind: int, deadline: Deadline) -> None:
        """Take the target's lock until this process ends.

        Raises:
            AgentError: Others have it up to the deadline.
        """
        path = f"{LOCKS}/takeover-iscsi-{plain(self._lun.target)}.lock"
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        while True:
            try:
                fcntl.flock(self._lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if not deadline.pause(POLL):
                    reason = f"another resource is busy with {self._lun.target} all the time"
                    raise AgentError(reason) from None
            else:
                return

    def _authenticate(self) -> None:
        """Put user and secret into open-iscsi's records of the target.

        Not with `iscsiadm --op update`: any user sees the arguments of a program. The records
        are text files that only root reads (open-iscsi: README, "iSCSI persistent configuration").
        """
        values = {
            "node.session.auth.authmethod": "CHAP",
            "node.session.auth.username": self._lun.user,
            "node.session.auth.password": read_secret(self._lun.secret_file),
        }
        found = False
        for root in RECORDS:
            for path in _records(f"{root}/{self._lun.target}", self._record):
                # Not beside the record, where iscsiadm would take it for another one.
                _set_values(path, values, f"{os.path.dirname(root)}/.takeover-record.{os.getpid()}")
                found = True
        if not found:
            raise AgentError(f"no record of {self._lun.target} below {' or '.join(RECORDS)}")

    def _luns(self) -> list[str]:
        """Return the paths of all the session's LUNs and their partitions."""
        if not os.path.isdir(BY_PATH):
            return []
        paths = (f"{BY_PATH}/{name}" for name in os.listdir(BY_PATH))
        return [path for path in paths if path.startswith(self._session)]

    def _node(self, arguments: list[str], deadline: Deadline, *, allowed: int = 0) -> Result:
        """Run `iscsiadm -m node` for the target.

        Raises:
            AgentError: It failed with another exit code than the allowed one.
        """
        where = ["-m", "node", "-T", self._lun.target, "-p", self._lun.portal]
        what = " ".join(["iscsiadm", *arguments])
        from ocf_agents.runtime.command import run

        result = run(["iscsiadm", *where, *arguments], deadline, what=what)
        if result.code not in (0, allowed):
            raise result.error("iscsiadm(8) explains the number")
        return result


def read_secret(path: str) -> str:
    """Return the CHAP secret in a file: its only line.

    Raises:
        AgentError: It cannot be read, or others than root could read it (ERR_ARGS).
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            found = os.fstat(file.fileno())
            secret = file.read().removesuffix("\n")
    except OSError as error:
        raise AgentError(f"chap_secret_file={path}: {error.strerror}", Code.ERR_ARGS) from error
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise AgentError(
            f"chap_secret_file={path} is not only root's to read: chown root, chmod 600",
            Code.ERR_ARGS,
        )
    if not secret.strip() or "\n" in secret:
        raise AgentError(f"chap_secret_file={path} is not one line, the secret", Code.ERR_ARGS)
    return secret


def _records(target: str, record: str) -> list[str]:
    """Return the paths of a target's records: of each interface, and of each portal group.

    `PORTAL,PORT` is a file, or a folder with a file for each interface, as `PORTAL,PORT,GROUP` is.
    """
    found = []
    for name in os.listdir(target) if os.path.isdir(target) else []:
        if name == record or name.startswith(record + ","):
            path = f"{target}/{name}"
            inside = os.listdir(path) if os.path.isdir(path) else []
            found += [f"{path}/{each}" for each in inside] or [path]
    return found


def _set_values(path: str, values: dict[str, str], temporary: str) -> None:
    """Set values of a record ("name = value" on each line), whole or not at all."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        before = file.read().splitlines()
    kept = [line for line in before if line.partition(" = ")[0] not in values]
    end = kept.index(END) if END in kept else len(kept)
    lines = [*kept[:end], *(f"{name} = {value}" for name, value in values.items()), *kept[end:]]
    if sorted(lines) == sorted(before):
        return
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        text = "".join(f"{line}\n" for line in lines)
        os.write(descriptor, text.encode(errors="surrogateescape"))
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)


def _host_and_port(portal: str) -> tuple[str, str]:
    """Return host and port as udev writes them: IPv6 addresses without brackets."""
    if portal.startswith("["):
        host, _, port = portal[1:].partition("]")
        return host, port.lstrip(":") or str(DEFAULT_PORT)
    host, separator, port = portal.partition(":")
    if ":" in port:  # an IPv6 address without a port
        return portal, str(DEFAULT_PORT)
    return host, port if separator else str(DEFAULT_PORT)


def _in_use(path: str) -> bool:
    """Tell whether a block device is mounted, or part of a mapping, an array or the swap space."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False

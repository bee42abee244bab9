"""ocf:takeover:filesystem, a filesystem on a shared disk, mounted on one node at a time.

Data safety first: if in doubt whether the filesystem is mounted here, the answer is yes.
"""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

from ocf_agents.disk.parameters import NETWORK, FilesystemParameters
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import Action, AgentError, Code, Deadline
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.parameters import FALSE
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.disk.attach.attachment import Attachment
    from ocf_agents.disk.reservation import Reservation

# ext4 since Linux 6.15 says emergency_ro where it said ro (errors=remount-ro).
READ_ONLY = {"ro", "emergency_ro", "shutdown"}
ASKING = 0.25  # part of an action's time for finding out which device it is
FAST_STOP = 6.0  # seconds, as in ocf:heartbeat:Filesystem
READS, WRITES = 10, 20  # the check levels of monitor at which the disk is read, and written


class Filesystem(FilesystemParameters):
    """A filesystem on a shared disk or an iSCSI LUN."""

    name = "filesystem"
    short = "Filesystem on a shared disk or iSCSI LUN"
    long = (
        "Attaches the disk if it is an iSCSI LUN, mounts the filesystem, and unmounts and detaches "
        "it again. Processes that keep it busy are asked to end and then killed. The monitor "
        "fails if the disk is gone or the kernel has made the filesystem read-only after an error; "
        "with OCF_CHECK_LEVEL=10 also if the disk cannot be read, or its reservation is lost; with "
        "20 also if a status file cannot be written and read back."
    )
    actions = (
        Action("start", timeout=60),
        Action("stop", timeout=60),
        Action("monitor", timeout=20, interval=10, depth=0),
        Action("monitor", timeout=20, interval=30, depth=READS),
        Action("monitor", timeout=20, interval=60, depth=WRITES),
        Action("reload-agent", timeout=20),
        Action("meta-data", timeout=5),
        Action("validate-all", timeout=20),
    )

    def __init__(self, environ: Mapping[str, str], action: str = "") -> None:
        super().__init__(environ, action)
        self._state = State(environ, self.instance)

    @property
    def _source(self) -> Attachment:
        """Where the device comes from."""
        if not self.target:
            from ocf_agents.disk.attach.local import LocalDevice

            return LocalDevice(self.device)
        from ocf_agents.disk.attach.lun import Lun

        secret = self.chap_secret_file
        lun = Lun(self.portal, self.target, self.lun or 0, self.chap_user, secret)
        if self.attach:
            from ocf_agents.disk.attach.program import AttachProgram

            return AttachProgram(self.attach, lun)
        from ocf_agents.disk.attach.iscsi import Initiator

        return Initiator(lun)

    def check_host(self) -> None:
        """Raise AgentError if the host lacks what attaches, reserves or mounts."""
        import os

        from ocf_agents.runtime.command import find

        folder = os.path.realpath(self.folder)
        if mountinfo.is_system_folder(folder):
            raise AgentError(
                f"directory={self.directory} leads to {folder}, a folder of the system",
                Code.ERR_ARGS,
            )
        find("mount")
        if self.target:
            find(self.attach or "iscsiadm")
        if self.chap_user:
            from ocf_agents.disk.attach.iscsi import read_secret

            read_secret(self.chap_secret_file)
        if self.reservation:
            find("sg_persist")

    def start(self) -> None:
        """Attach the disk, reserve it, check and mount the filesystem."""
        here = self._here()
        if not here:
            mount = self._bring_up(self._source.attach(self.deadline))
        elif self._is_ours(here[-1]):
            mount = here[-1]
        else:
            raise AgentError(f"{here[-1].source} is already mounted on {here[-1].point}")
        self._check_writable(mount)

    def stop(self) -> None:
        """Unmount the filesystem, whoever uses it, release and detach the disk."""
        disk = self._disk()
        if self.folder:
            self._unmount(disk)
        # Nothing is mounted any more, so the data is safe: no reason to have the node fenced.
        try:
            if self.reservation and disk:
                self._reservation(disk).release()
        except AgentError as error:
            log(f"the disk of {self.directory} stays reserved: {error}", WARNING)
        try:
            self._source.detach(self.deadline)
        except (AgentError, OSError) as error:
            log(f"the disk of {self.directory} stays attached: {error}", WARNING)
        self._state.forget()

    def monitor(self) -> int:
        """Tell whether the filesystem is mounted, from the right device, and works."""
        here = self._here()
        if here and self._is_ours(here[-1]):
            self._check_disk_is_here(here[-1])
            self._check_writable(here[-1])
            if self.check_level >= READS:
                self._check_disk_answers(here[-1])
            return Code.SUCCESS
        disk = self._disk()
        if disk and (mountinfo.of(disk) or mountinfo.in_use(disk)):
            # Also on a probe: "not running" would let another node mount it.
            places = ", ".join(mount.point for mount in mountinfo.of(disk)) or "nowhere to be seen"
            raise AgentError(
                f"the disk is in use on this node, but not to be seen on {self.directory}; "
                f"it is mounted on: {places}"
            )
        if here and not self.probe:
            raise AgentError(f"another device, {here[-1].source}, is mounted on {here[-1].point}")
        return Code.NOT_RUNNING

    def reload(self) -> None:
        """Take over changed mount options; the other reloadable ones are read when needed."""
        from ocf_agents.disk.mounting import not_taken_over, remount

        here = self._here()
        if not here or not self._is_ours(here[-1]):
            raise AgentError(f"it is not mounted on {self.directory}")
        mount = here[-1]
        remount(self._device() or mount.source, mount.point, self.options, self.deadline)
        if missing := not_taken_over(self.options, self._here()[-1].options):
            words = ", ".join(sorted(missing))
            raise AgentError(f"{words} not taken over by {mount.type}: restart the resource")

    def watches(self) -> list[str]:
        """Return the mount, and the disk below it."""
        here = self._here()
        if not here:
            return []
        mount = here[-1]
        access = "rw" if self.may_write else "ro"
        watched = [f"mount {mount.disk} {access} {mountinfo.escape(mount.point)}"]
        return [*watched, f"device {mount.disk}"] if mount.has_disk else watched

    def _here(self) -> list[mountinfo.Mount]:
        """Return what is mounted on the directory, the last one on top."""
        table = mountinfo.mounts()
        if here := mountinfo.at(table, self.folder):
            return here
        # Links are followed only if nothing is mounted there: so a dead disk is not asked.
        import os

        folder = os.path.realpath(self.folder)
        return [] if mountinfo.is_system_folder(folder) else mountinfo.at(table, folder)

    def _device(self) -> str | None:
        """Return the path or network name of the device, None while it is not attached.

        Raises:
            AgentError: It cannot be found out in a part of the time.
        """
        return self._source.device(self.deadline.part(ASKING))

    def _disk(self) -> str | None:
        """Return the number of the disk ("major:minor"); None if there is none, or not known.

        A folder that is bound has a disk, too, but that is not this resource's.
        """
        if self.bind:
            return None
        if remembered := self._state.read().get("device"):
            return None if remembered.startswith("0:") else remembered
        from ocf_agents.disk.identity import disk_of

        try:
            return disk_of(self._device() or "")
        except (AgentError, OSError):
            return None

    def _is_ours(self, mount: mountinfo.Mount) -> bool:
        """Tell whether a mount is of our device; True if that cannot be known."""
        known = self._state.read()
        if known.get("device") == mount.disk and known.get("root", mount.root) == mount.root:
            return True
        from ocf_agents.disk.identity import is_of
        from ocf_agents.runtime.bounded import bounded

        try:
            device = self._device()
            if device is None:  # then only a disk that has vanished as well can be ours
                source = mount.source
                return source.startswith("/dev/") and not posix.access(source, posix.F_OK)
            if device.startswith("/dev/"):
                return is_of(mount, device)
            limit = self.deadline.part(ASKING)
            return bounded(lambda: "yes" if is_of(mount, device) else "", limit, device) == "yes"
        except AgentError as error:
            log(f"{mount.source} on {mount.point} is taken for the resource's own: {error}")
            return True

    def _check_disk_is_here(self, mount: mountinfo.Mount) -> None:
        """Raise AgentError if the kernel has lost the disk; the mount outlives that."""
        if mount.has_disk and not mountinfo.is_here(mount.disk):
            raise AgentError(f"{mount.source} is gone, but still mounted on {mount.point}")

    def _check_writable(self, mount: mountinfo.Mount) -> None:
        """Raise AgentError if the filesystem is read-only and was not asked to be."""
        if self.may_write and mount.options & READ_ONLY:
            raise AgentError(
                f"{mount.source} on {mount.point} is read-only, after an error or because the disk "
                "is write-protected; the kernel's log says why"
            )

    def _check_disk_answers(self, mount: mountinfo.Mount) -> None:
        """Read or write the disk, as the check level says.

        Raises:
            AgentError: That fails.
        """
        from ocf_agents.disk.disk_check import (
            NoSpaceLeft,
            ask_filesystem,
            read_device,
            write_and_read,
        )

        if self.reservation:
            self._reservation(mount.disk).check()
        if self.check_level < WRITES or not self.may_write:
            ask = read_device if mount.has_disk and not self.bind else ask_filesystem
            ask(mount, self.deadline)
            return
        try:
            write_and_read(self._status_file(mount), self.deadline)
        except NoSpaceLeft as error:
            # It would be as full on every other node.
            raise AgentError(str(error), Code.DEGRADED) from error

    def _status_file(self, mount: mountinfo.Mount) -> str:
        """Return the status file's path, named as ocf:heartbeat:Filesystem does."""
        clone = self.environ.get("OCF_RESKEY_CRM_meta_clone")
        words = [self.instance, *([clone] if clone else []), posix.uname().nodename]
        return f"{mount.point}/{self.statusfile_prefix}{'_'.join(words)}"

    def _bring_up(self, device: str) -> mountinfo.Mount:
        """Reserve, check and mount the device, and return the mount as the kernel has it."""
        from ocf_agents.disk import mounting

        disk = self._remember(device)  # first, so that a stop knows it even if this is killed
        if self.reservation and disk:
            self._reservation(disk).take()
        if disk and self.mmp != "ignore":
            self._demand_protection(device)
        if disk and mounting.needs_check(self.run_fsck, self.fstype):
            mounting.check(device, self.fstype, self.deadline)
        mounting.mount(device, self.directory, self.fstype, self.options, self.deadline)
        here = self._here()
        if not here:
            raise AgentError(f"mount said nothing, but nothing is mounted on {self.directory}")
        mount = here[-1]
        if disk and not self._is_ours(mount):
            raise AgentError(f"mounted {device}, but {mount.source} is on {mount.point}")
        # Without a disk there is no number before the mount, and no reliable name after it.
        known = {"device": disk or mount.disk, "path": device, "id": mount.id}
        self._state.write({**known, "mounted": mount.device, "root": mount.root})
        return mount

    def _remember(self, device: str) -> str:
        """Remember and return the number of a device; "" if it has none.

        Raises:
            AgentError: It should be a block device by the options, and is none (ERR_ARGS).
        """
        if not device.startswith("/") or self.bind or self.loop:
            return ""
        number = posix.stat(device).st_rdev
        if not number:
            raise AgentError(f"{device} is not a block device", Code.ERR_ARGS)
        self._state.write({"device": mountinfo.number(number), "path": device})
        return mountinfo.number(number)

    def _demand_protection(self, device: str) -> None:
        """Warn that the filesystem lacks multi-mount protection, or refuse to start."""
        from ocf_agents.disk.multimount import protection

        if protection(device, self.deadline.part(ASKING)):
            return
        reason = f"{device} has no multi-mount protection: tune2fs -O mmp, while it is unmounted"
        if self.mmp == "require":
            raise AgentError(reason)
        log(reason, WARNING)

    def _reservation(self, disk: str) -> Reservation:
        from ocf_agents.disk.reservation import Reservation, key, paths

        node = self.environ.get("OCF_RESKEY_CRM_meta_on_node") or posix.uname().nodename
        return Reservation(key(self.reservation_key, node), paths(disk), self.deadline)

    def _unmount(self, disk: str | None) -> None:
        from ocf_agents.disk.unmount import Target, end_leftovers, unmount

        limit = Deadline(min(FAST_STOP, self.deadline.left())) if self.fast_stop else self.deadline
        known = self._state.read()
        end_leftovers({self.directory, known.get("path", self.device)} - {""}, limit)
        here = [mount for mount in self._here() if self._is_ours(mount)]
        ours = here or (mountinfo.of(disk) if disk else [])
        if not ours and not disk:
            return
        target = Target(
            here,
            (ours[-1].device if ours else known.get("mounted", disk)) if disk else "",
            disk or "",
            known.get("id", ""),
            network=bool(here) and here[-1].type in NETWORK,
            end_holders=self.force_unmount.lower() not in FALSE,
        )
        unmount(target, limit)

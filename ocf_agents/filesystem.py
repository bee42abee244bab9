"""ocf:takeover:filesystem, a filesystem on a shared disk, mounted on one node at a time.

Data safety first: if in doubt whether the filesystem is mounted here, the answer is yes.
"""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time

from ocf_agents.disk.parameters import (
    NETWORK,
    FilesystemParameters,
    has_no_disk,
    is_for_data,
    subvolume,
)
from ocf_agents.runtime import mountinfo
from ocf_agents.runtime.agent import Action, AgentError, Code, Deadline
from ocf_agents.runtime.journal import WARNING, log
from ocf_agents.runtime.parameters import FALSE
from ocf_agents.runtime.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ocf_agents.disk.attach.attachment import Attachment
    from ocf_agents.disk.belonging import Belonging
    from ocf_agents.disk.reservation import Reservation

ALWAYS_READ_ONLY = {"squashfs", "erofs", "iso9660", "cramfs", "romfs"}  # whatever was asked for
EIO = 5
ASKING = 0.25  # part of an action's time for finding out which device it is
DOUBTFUL = "doubtful"  # in the state: a stop has failed, and the kernel may be at work still
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

            return LocalDevice(self.device, named=has_no_disk(self.fstype, self.device))
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
        from ocf_agents.runtime.command import find
        from ocf_agents.runtime.rights.way import resolve

        folder = resolve(self.folder)
        if not is_for_data(folder):
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
        self._check_works(mount)

    def stop(self) -> None:
        """Unmount the filesystem, whoever uses it, release and detach the disk."""
        from ocf_agents.disk.place.starting import end_leftovers

        limit = Deadline(min(FAST_STOP, self.deadline.left())) if self.fast_stop else self.deadline
        end_leftovers(self._starting, limit)
        disk = self._disk()
        belonging = self._belonging(disk) if disk else None
        self._unmount(disk, belonging, limit)
        # Nothing is mounted any more, so the data is safe: no reason to have the node fenced.
        if belonging is None or not belonging.shared:
            self._give_up(disk)
        self._state.forget()

    def _give_up(self, disk: str | None) -> None:
        """Release and detach the disk, as far as that is possible."""
        try:
            if self.reservation and disk:
                self._reservation(disk).release()
        except AgentError as error:
            log(f"the disk of {self.directory} stays reserved: {error}", WARNING)
        try:
            self._source.detach(self.deadline)
        except (AgentError, OSError) as error:
            log(f"the disk of {self.directory} stays attached: {error}", WARNING)

    def monitor(self) -> int:
        """Tell whether the filesystem is mounted, from the right device, and works."""
        here = self._here()
        if here and self._is_ours(here[-1]):
            self._check_disk_is_here(here[-1])
            self._check_works(here[-1])
            if self.check_level >= READS:
                self._check_disk_answers(here[-1])
            return Code.SUCCESS
        disk = self._disk()
        if disk and self.probe and (owner := self._owner(disk)):
            # Started on another node, it would be mounted on two: it must start nowhere.
            raise AgentError(f"the disk is that of {owner}", Code.ERR_CONFIGURED)
        if disk and (places := self._elsewhere(disk)):
            # Also on a probe: "not running" would let another node mount it.
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
        access = "ro" if mount.type in ALWAYS_READ_ONLY else access
        watched = [f"mount {mount.disk} {access} {mountinfo.escape(mount.point)}"]
        return [*watched, f"device {mount.disk}"] if mount.has_disk else watched

    def _here(self) -> list[mountinfo.Mount]:
        """Return what is mounted on the directory, the last one on top."""
        if here := mountinfo.mounts_on(self.folder):
            return here
        # Links are followed only if nothing is mounted there: so a dead disk is not asked.
        from ocf_agents.runtime.rights.way import resolve

        folder = resolve(self.folder) if self.folder else ""
        return mountinfo.mounts_on(folder) if folder and is_for_data(folder) else []

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
        if self._is_remembered(mount):
            return True
        if subvolume(self.options) not in ("", mount.root):
            return False  # of the same disk perhaps, but another resource's
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

    def _is_remembered(self, mount: mountinfo.Mount) -> bool:
        """Tell whether a mount is the one that the start has made."""
        known = self._state.read()
        if known.get("id") == mount.id and known.get("mounted") == mount.device:
            return True  # also if the folder that is bound has another name by now
        root = mountinfo.remembered(known.get("root", mountinfo.to_remember(mount.root)))
        return known.get("device") == mount.disk and root == mount.root

    def _check_disk_is_here(self, mount: mountinfo.Mount) -> None:
        """Raise AgentError if the kernel has lost the disk; the mount outlives that."""
        if not mount.has_disk:
            return
        if not mountinfo.is_here(mount.disk):
            raise AgentError(f"{mount.source} is gone, but still mounted on {mount.point}")
        if (state := mountinfo.state_of(mount.disk)) in mountinfo.DEAD:
            raise AgentError(f"{mount.source} is {state}, but still mounted on {mount.point}")

    def _check_works(self, mount: mountinfo.Mount) -> None:
        """Raise AgentError if it was shut down, or is read-only and was not asked to be."""
        if mount.type == "xfs":
            try:  # which does not show it in the table of mounts; the disk is not asked for this
                posix.stat(mount.point)
            except OSError as error:
                if error.errno == EIO:
                    reason = f"{mount.source} on {mount.point} was shut down by XFS after an error"
                    raise AgentError(reason) from error
        may_write = self.may_write and mount.type not in ALWAYS_READ_ONLY
        if may_write and mount.options & mountinfo.READ_ONLY:
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
        read_only = not self.may_write or mount.type in ALWAYS_READ_ONLY
        if self.check_level < WRITES or read_only:
            ask = read_device if mount.has_disk and not self.bind else ask_filesystem
            ask(mount, self.deadline)
            return
        try:
            write_and_read(mount, self._status_file, self.deadline)
        except NoSpaceLeft as error:
            # It would be as full on every other node.
            raise AgentError(str(error), Code.DEGRADED) from error

    @property
    def _status_file(self) -> str:
        """The status file's path in the filesystem, named as ocf:heartbeat:Filesystem does."""
        clone = self.environ.get("OCF_RESKEY_CRM_meta_clone")
        words = [self.instance, *([clone] if clone else []), posix.uname().nodename]
        # The instance's name may have a slash; in the prefix it means a folder.
        return f"{self.statusfile_prefix}{'_'.join(words).replace('/', '_')}"

    def _bring_up(self, device: str) -> mountinfo.Mount:
        """Reserve, check and mount the device, and return the mount as the kernel has it."""
        from ocf_agents.disk import mounting
        from ocf_agents.disk.place.starting import Starting

        disk = self._remember(device)  # first, so that a stop knows it even if this is killed
        if self.reservation and disk:
            self._reservation(disk).take()
        if disk and self.mmp != "ignore":
            self._demand_protection(device)
        with Starting(self._starting):
            if disk and mounting.needs_check(self.run_fsck, self.fstype):
                mounting.check(device, self.fstype, self.deadline)
            before = set(mountinfo.mounts())
            mounting.mount(device, self.directory, self.fstype, self.options, self.deadline)
            new = [mount for mount in mountinfo.mounts() if mount not in before]
            here = self._here() or new
            if not here:
                raise AgentError(f"mount said nothing, but nothing is mounted on {self.directory}")
            mount = here[-1]
            self._keep_in_mind(device, disk, mount)
            if not self._here():
                raise AgentError(f"mounted on {mount.point}, which is not {self.directory}")
            if disk and not self._is_ours(mount):
                raise AgentError(f"mounted {device}, but {mount.source} is on {mount.point}")
        return mount

    def _keep_in_mind(self, device: str, disk: str, mount: mountinfo.Mount) -> None:
        """Remember the mount that was made, so that a stop knows it whatever becomes of its name.

        Without a disk there is no number before the mount, and no reliable name after it.
        """
        from ocf_agents.disk.belonging import DISK, FOLDER, NONE, claim

        kind = FOLDER if self.bind else DISK if disk or mount.has_disk else NONE
        known = {"device": disk or mount.disk, "path": mountinfo.to_remember(device)}
        self._state.write({**known, **claim(mount, kind)})

    def _remember(self, device: str) -> str:
        """Remember and return the number of a device; "" if it has none.

        Raises:
            AgentError: It should be a block device by the options, and is none (ERR_ARGS).
        """
        if not device.startswith("/") or self.bind or self.loop:
            return ""
        if has_no_disk(self.fstype, device):
            return ""
        number = posix.stat(device).st_rdev
        if not number:
            raise AgentError(f"{device} is not a block device", Code.ERR_ARGS)
        from ocf_agents.disk.belonging import DISK

        disk = mountinfo.number(number)
        self._state.write({"device": disk, "path": mountinfo.to_remember(device), "kind": DISK})
        return disk

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

    @property
    def _starting(self) -> str:
        """The path of what a start's programs have open."""
        return f"{self._state.path.removesuffix('.state')}.start"

    def _belonging(self, disk: str) -> Belonging:
        """Return which mounts of the disk are this resource's own."""
        from ocf_agents.disk.belonging import Belonging

        root = mountinfo.remembered(self._state.read().get("root", "")) or subvolume(self.options)
        return Belonging(disk, root, self.environ, self._state)

    def _elsewhere(self, disk: str) -> str:
        """Return in words where the disk is in use by this resource, "" if it is not."""
        belonging = self._belonging(disk)
        mounts = mountinfo.of(disk)
        if own := [mount for mount in mounts if belonging.is_own(mount)]:
            return ", ".join(mount.point for mount in own)
        if mounts:  # another resource's, which explains that the kernel has it in use
            known = self._state.read().get("id", "")
            from ocf_agents.disk.holders import holders

            unseen = known and all(mount.id != known for mount in mountinfo.mounts())
            return "nowhere to be seen" if unseen and holders(set(), "", known) else ""
        return "nowhere to be seen" if mountinfo.in_use(disk) or self._is_at_work(disk) else ""

    def _is_at_work(self, disk: str) -> bool:
        """Tell whether the kernel is still at work on what a stop could not end."""
        known = self._state.read()
        if DOUBTFUL not in known:
            return False
        from ocf_agents.disk.busy import kernel

        path = mountinfo.remembered(known.get("path", ""))
        return kernel.has(disk, path, self.deadline.part(ASKING))

    def _owner(self, disk: str) -> str:
        """Return in words which other resource has the same of a disk mounted; "" if none has."""
        if self._state.read():
            return ""  # this one has been started here
        from ocf_agents.runtime.cluster.configured import are_together

        belonging = self._belonging(disk)
        for mount in mountinfo.of(disk):
            owner = belonging.owner(mount)
            is_same = mount.root == (subvolume(self.options) or "/")
            if owner and is_same and not are_together(self.instance, owner):
                return f"{owner}, mounted on {mount.point}"
        return ""

    def _unmount(self, disk: str | None, belonging: Belonging | None, limit: Deadline) -> None:
        from ocf_agents.disk.unmount import Target, unmount

        known = self._state.read()
        table = mountinfo.mounts()
        here = [mount for mount in (self._here() if self.folder else []) if self._is_ours(mount)]
        # What the start has mounted, whatever the parameters say now.
        where = (known.get("id"), known.get("mounted"))
        here += [m for m in table if (m.id, m.device) == where and m not in here]
        if not here and belonging is None:
            return
        alone = belonging is not None and not belonging.shared

        def goes_too(mount: mountinfo.Mount) -> bool:
            if belonging is None:
                return False
            return belonging.is_on_disk(mount) if alone else belonging.is_own(mount)

        ours = here or [mount for mount in table if goes_too(mount)]
        device = ours[-1].device if ours else known.get("mounted", disk or "")
        if any(m.device == device and mountinfo.is_system_folder(m.point) for m in table):
            alone, belonging = False, None  # the system's own disk: only the mounts are ours
        target = Target(
            here,
            goes_too,
            device if alone else "",
            disk if alone and disk else "",
            known.get("id", "") if disk else "",
            points={mountinfo.remembered(known["point"])} if "point" in known else set(),
            path=mountinfo.remembered(known.get("path", "")),
            doubtful=DOUBTFUL in known,
            network=bool(here) and here[-1].type in NETWORK,
            end_holders=self.force_unmount.lower() not in FALSE,
        )
        try:
            unmount(target, limit)
        except AgentError:
            if target.disk:
                self._state.write({**known, DOUBTFUL: "yes"})
            raise

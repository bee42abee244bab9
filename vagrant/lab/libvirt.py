"""Starting and ending a libvirtd of the lab's own, where none runs."""

import shutil
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from vagrant.common.errors import RigError
from vagrant.common.kernel import remove_cgroup
from vagrant.common.waiting import eventually
from vagrant.lab.keeper import LIBVIRT_FOLDERS
from vagrant.lab.machines import URI, Machines
from vagrant.lab.place import LABS, Place

_START_LIMIT = 120.0
_END_LIMIT = 120.0


def is_running() -> bool:
    """Return whether a libvirtd of the machine's own can be used."""
    if shutil.which("virsh") is None:
        raise RigError("there is no virsh: script/vagrant-lab installs it")
    command = ["virsh", "--connect", URI, "version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def start(place: Place) -> None:
    """Start the lab's keeper, and wait until its libvirtd answers.

    Raises:
        RigError: Its libvirtd does not answer in time.
    """
    (place.cgroup / "keeper").mkdir(parents=True)
    with place.log.open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "vagrant.lab.keeper", place.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )
    machines = Machines(place, private=True)
    limit = time.monotonic() + _START_LIMIT
    while not (place.pid_file.exists() and machines.answers()):
        if _is_empty(place.cgroup) or time.monotonic() > limit:
            said = "\n".join(place.log.read_text(errors="replace").splitlines()[-20:])
            raise RigError(f"libvirtd did not start:\n{said}")
        time.sleep(0.2)


def stop(place: Place) -> None:
    """End everything that runs in the lab's namespaces, whatever state it is in.

    Raises:
        RigError: Something stays.
    """
    cgroup = place.cgroup
    if cgroup.exists():
        # Needs no PID: the keeper is in it, and with it every namespace of the lab ends.
        (cgroup / "cgroup.kill").write_text("1")
        if not eventually(lambda: _is_empty(cgroup), _END_LIMIT, 0.05):
            raise RigError(f"processes of the lab stay: {cgroup}/cgroup.procs")
        if not eventually(partial(remove_cgroup, cgroup), _END_LIMIT, 0.05):
            raise RigError(f"the cgroup {cgroup} is busy")
    if not [each for each in LABS.glob("*") if each != place.folder]:
        _remove_mount_points()


def _remove_mount_points() -> None:
    """Remove the folders on which a lab mounts its own ones, if they were made for that.

    Not while there is another lab: with the folder its mount would go.
    """
    for folder in LIBVIRT_FOLDERS:
        with suppress(OSError):
            Path(folder).rmdir()  # only ever an empty one


def _is_empty(cgroup: Path) -> bool:
    return "populated 0" in (cgroup / "cgroup.events").read_text()

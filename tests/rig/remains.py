"""What is left of a rig on the machine: processes, mounts, loop devices, cgroups, files."""

from contextlib import suppress
from pathlib import Path

from vagrant.common.kernel import cgroup2_root
from vagrant.one_machine.layout import RUN_DIR, Layout


def remains(layout: Layout) -> list[str]:
    """Everything that a rig of this layout left behind, in words."""
    found = [f"file {path}" for path in [layout.run_dir] if path.exists()]
    cgroup = cgroup2_root() / layout.cgroup
    found += [f"cgroup {cgroup}"] if cgroup.exists() else []
    blocks = (Path(f"/sys/block/loop{number}") for number in layout.loop_numbers)
    found += [f"loop device {block.name}" for block in blocks if block.exists()]
    for process in Path("/proc").glob("[0-9]*"):
        found += [f"process {process.name}: {trace}" for trace in _traces(process, layout)]
    return found


def namespaces() -> set[str]:
    """Every namespace that a process on this machine is in."""
    return _namespaces_in("[0-9]*")


def namespaces_of(layout: Layout) -> set[str]:
    """The namespaces of a rig's processes that are not the machine's."""
    pids = {
        pid
        for procs in (cgroup2_root() / layout.cgroup).rglob("cgroup.procs")
        for pid in procs.read_text().split()
    }
    return {found for pid in pids for found in _namespaces_in(pid)} - _namespaces_in("self")


def _namespaces_in(processes: str) -> set[str]:
    found = set()
    for link in Path("/proc").glob(f"{processes}/ns/*"):
        with suppress(OSError):  # the process has ended
            found.add(str(link.readlink()))
    return found


def _traces(process: Path, layout: Layout) -> list[str]:
    """What ties a process to the rig: its cgroup, or a mount of the rig's that it sees."""
    try:
        cgroups = (process / "cgroup").read_text()
        mounts = (process / "mountinfo").read_text()
    except OSError:
        return []  # the process has ended
    traces = [line for line in cgroups.splitlines() if layout.cgroup in line.split("/")]
    return traces + [line for line in mounts.splitlines() if f"{RUN_DIR}/{layout.name}/" in line]

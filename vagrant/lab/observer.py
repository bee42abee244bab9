"""Watches, all the time, which node has which LUN mounted: never two at once.

Each node tells of every change of its mount table (`watch-mounts`, by SSH over the management
network, which is never cut), and libvirt tells when a machine goes: with it, what it had mounted.
What looks like two mounts at once is asked again: the news of an end may come after the news of a
beginning.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

from vagrant.common.building import CHECKOUT
from vagrant.lab.machines import URI
from vagrant.lab.place import DOMAIN_PREFIX, LabLayout, Place
from vagrant.lab.shell import Shell

_PAUSE = 2.0
_ANSWER_LIMIT = 600.0
#: libvirt's events after which nothing of a machine's memory is left, as `virsh event` writes them.
GONE = re.compile(
    rf"'(?:reboot|watchdog)' for domain '?{DOMAIN_PREFIX}(\w+)|"
    rf"'lifecycle' for domain '?{DOMAIN_PREFIX}(\w+)'?: (?:Stopped|Crashed)"
)


class Observer:
    """Who has mounted what, and every violation since the lab came up."""

    def __init__(self, place: Place, layout: LabLayout) -> None:
        self._place = place
        self._layout = layout
        self._shell = Shell(place, private=False)  # it runs inside
        self._changed = threading.Condition()
        self._mounted: dict[str, list[int]] = {}
        self._asked: dict[str, int] = {}
        self._answered: dict[str, int] = {}
        self._watchers: dict[str, subprocess.Popen[str]] = {}
        self._double: list[dict[str, object]] = []
        self._double_now: dict[int, list[str]] = {}
        self._observations = 0

    def run(self) -> None:
        """Watch until killed."""
        for node in self._layout.node_names:
            threading.Thread(target=self._follow, args=(node,), daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self.judge()
            with self._changed:
                self._changed.wait(_PAUSE)

    def told(self, node: str, luns: list[int], answer: int) -> None:
        """Take in what a node has mounted; `answer` is the last question that it had read."""
        with self._changed:
            self._mounted[node] = luns
            # A connection that is made anew begins with 0: what was answered before stays so.
            self._answered[node] = max(answer, self._answered.get(node, 0))
            self._observations += 1
            self._changed.notify_all()

    def gone(self, machine: str) -> None:
        """Take in that nothing of a machine's memory is left."""
        with self._changed:
            self._mounted.pop(machine, None)
            self._changed.notify_all()
            if machine in self._watchers:
                # The connection would be waited for; what the machine mounts next must be known.
                self._watchers[machine].kill()

    def judge(self) -> None:
        """Look for LUNs that are mounted twice, and write down what is mounted where."""
        with self._changed:
            for lun in range(1, self._layout.luns + 1):
                nodes = self._confirmed(lun) if len(self._having(lun)) > 1 else []
                if nodes and nodes != self._double_now.get(lun):
                    self._double.append({"at": time.monotonic(), "lun": lun, "nodes": nodes})
                self._double_now[lun] = nodes
            self._write()

    def _confirmed(self, lun: int) -> list[str]:
        """Ask all nodes that seem to have a LUN mounted; return those that do, [] if it is one."""
        for node in self._having(lun):
            self._ask(node)
        end = time.monotonic() + _ANSWER_LIMIT
        while len(nodes := self._having(lun)) > 1 and not all(map(self._has_answered, nodes)):
            # Who does not answer is frozen, and has it mounted still when nobody tells otherwise.
            if not self._changed.wait(max(0.0, end - time.monotonic())):
                break
        return nodes if len(nodes) > 1 else []

    def _having(self, lun: int) -> list[str]:
        return [node for node, luns in sorted(self._mounted.items()) if lun in luns]

    def _ask(self, node: str) -> None:
        self._asked[node] = self._asked.get(node, 0) + 1
        stdin = self._watchers[node].stdin if node in self._watchers else None
        if stdin:
            with suppress(OSError):
                stdin.write(f"{self._asked[node]}\n")
                stdin.flush()

    def _has_answered(self, node: str) -> bool:
        return self._answered.get(node, 0) >= self._asked.get(node, 0)

    def _follow(self, node: str) -> None:
        """Take in what a node tells, and begin again whenever it is gone."""
        while True:
            watcher = subprocess.Popen(
                self._shell.command(
                    node, "/usr/local/lib/takeover-rig/watch-mounts", options=("-S", "none")
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            with self._changed:
                self._watchers[node] = watcher
            for line in watcher.stdout or ():
                with suppress(ValueError, KeyError):
                    told = json.loads(line)
                    self.told(node, told["luns"], told["answer"])
            watcher.wait()
            time.sleep(_PAUSE)

    def _listen(self) -> None:
        """Take in what libvirt tells of machines that are gone."""
        command = ["virsh", "--connect", URI, "event", "--all", "--loop"]
        while True:
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as events:
                for line in events.stdout or ():
                    if found := GONE.search(line):
                        self.gone(found[1] or found[2])
            time.sleep(_PAUSE)

    def _write(self) -> None:
        mounted = {
            str(lun): nodes
            for lun in range(1, self._layout.luns + 1)
            if (nodes := self._having(lun))
        }
        found = {
            "mounted": mounted,
            "double_mounts": self._double,
            "observations": self._observations,
        }
        partial = self._place.mounts_file.with_suffix(".partial")
        partial.write_text(json.dumps(found))
        partial.rename(self._place.mounts_file)


def start(place: Place, layout: LabLayout) -> None:
    """Start watching, in a process of its own that ends with the lab."""
    command = [sys.executable, "-m", "vagrant.lab.observer", place.name]
    with (place.folder / "observer.log").open("w") as log:
        process = subprocess.Popen(
            [*place.enter(private=layout.private), *command],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (place.folder / "observer.pid").write_text(f"{process.pid}\n")


def stop(place: Place) -> None:
    """End the watching, where it does not end with the lab's namespaces."""
    with suppress(OSError, ValueError):
        os.killpg(int((place.folder / "observer.pid").read_text()), signal.SIGTERM)


def report(place: Place) -> dict[str, object]:
    """Return what is mounted now, and what should never have been."""
    try:
        found: dict[str, object] = json.loads(place.mounts_file.read_text())
    except FileNotFoundError:
        return {"mounted": {}, "double_mounts": [], "observations": 0}
    return found


def main() -> None:
    """Watch the lab that the first argument names."""
    place = Place(sys.argv[1])
    layout = place.load()
    if layout is None:
        sys.exit(f"there is no lab {place.name}")
    Observer(place, layout).run()


if __name__ == "__main__":
    main()

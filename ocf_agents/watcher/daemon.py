"""The node's watcher: tells Pacemaker of a failure when it happens.

One small process for all resources of a node, started by the agents (watched.py). It knows what to
watch from their registrations alone, and so can be killed at any time: the next one knows the same.
It decides nothing: Pacemaker recovers, and the monitor finds whatever it does not.

    python3 -IS daemon.py FOLDER-OF-REGISTRATIONS
"""

from __future__ import annotations

import fcntl
import os
import select
import sys
import time
from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket

if __name__ == "__main__":  # -I leaves it to the program where its modules are
    sys.path.append(os.path.abspath(f"{os.path.dirname(__file__)}/../.."))

from ocf_agents.runtime import registration, signals
from ocf_agents.runtime.journal import WARNING, log, use_journal
from ocf_agents.watcher import events, report, watches
from ocf_agents.watcher.registered import Registration, discard

RECHECK = 1.0  # seconds; for what has no event, and for events that were lost
SELF_CHECK = 60.0  # seconds
# Seconds. A program soon ends without its disk. If its end were reported, too, Pacemaker would
# decide anew instead of acting. After this time Pacemaker stops the program, and that withdraws its
# registration.
CONSEQUENCE = 0.5
FIRST_FREE = 3  # the descriptor after standard input, output and error
OTHERS_MAY_WRITE = 0o022
CURRENT = "current"  # a link to the version of the modules that is installed


class WatchedResource:
    """A resource that has registered, with its watches.

    Args:
        registered: Its registration.

    Attributes:
        registered: The same.
        watches: What is watched for it; empty if it runs in other namespaces than the watcher.
    """

    def __init__(self, registered: Registration) -> None:
        self.registered = registered
        self.watches: list[watches.Watch] = []
        self._failed: set[watches.Watch] = set()
        if registered.namespaces != registration.namespaces():
            _log(registered.resource, "it runs in other namespaces than the watcher")
            return
        for text in registered.watches:
            try:
                self.watches.append(watches.parse(text))
            except (OSError, ValueError) as error:
                _log(registered.resource, f"cannot watch {text!r}: {error}")

    def concerns(self, source: str) -> bool:
        """Tell whether an event of a source may be one of its watches."""
        return any(source in watch.events for watch in self.watches)

    def new_problem(self, some: list[watches.Watch]) -> tuple[watches.Watch, str] | None:
        """Look at some of its watches.

        Returns:
            The first that has failed since all was well, and what is wrong; None if none has. A
            watch that cannot be read has not failed.
        """
        known = bool(self._failed)
        found = None
        for watch in some:
            try:
                problem = watch.problem()
            except OSError as error:
                _log(self.registered.resource, f"cannot look: {error}")
                continue
            if problem:
                self._failed.add(watch)
            else:
                self._failed.discard(watch)
            if problem and found is None:
                found = watch, problem
        return None if known else found


class Watcher:
    """All that is watched, and the loop that waits for its events.

    Args:
        folder: The folder of the registrations.
        control_socket: The socket at which agents wake it.
    """

    def __init__(self, folder: str, control_socket: socket) -> None:
        self._folder = folder
        self._control_socket = control_socket
        self._own = {path: registration.identity(path) for path in (_address(folder), __file__)}
        self._resources: dict[str, WatchedResource] = {}  # by the registration's path
        self._sources: dict[str, events.Source] = {}
        self._missing: set[str] = set()  # sources that this host does not have
        self._resting: dict[str, float] = {}  # sources that are not polled, and until when
        self._recheck = 0.0
        self._disk_failed = -CONSEQUENCE
        self._poll = select.poll()
        self._poll.register(control_socket, select.POLLIN)

    def run(self) -> None:
        """Watch, until the socket or the program is not this one's any more."""
        self._read_registrations()
        while not _successor() and all(
            own and registration.identity(path) == own for path, own in self._own.items()
        ):
            self._turn()

    def _turn(self) -> None:
        ready = {descriptor for descriptor, _ in self._poll.poll(self._time_to_wait() * 1000)}
        for name in self._sources_to_check(ready):
            self._sources[name].clear()  # first: an event that comes now shall wake it again
            time.sleep(self._sources[name].lead)
            self._check_all(name)
        # After the disks, without which programs end.
        for resource in list(self._resources.values()):
            for watch in resource.watches:
                if watch.descriptor in ready:
                    self._check(resource, [watch])
                    self._release(watch)  # its descriptor would be ready for ever
        if time.monotonic() >= self._recheck:
            self._recheck = time.monotonic() + RECHECK
            self._check_all(events.KERNEL)
        # Last, since it opens descriptors whose numbers were those of others above.
        if self._control_socket.fileno() in ready:
            self._empty_control_socket()
            self._read_registrations()

    def _time_to_wait(self) -> float:
        """Return the seconds until something has to be done without an event."""
        now = time.monotonic()
        due = [now + SELF_CHECK, *self._resting.values()]
        if any(resource.concerns(events.KERNEL) for resource in self._resources.values()):
            due.append(self._recheck)
        return max(0.0, min(due) - now)

    def _sources_to_check(self, ready: set[int]) -> list[str]:
        """Return the sources that have something new, or have rested.

        After an event a source rests, and what came meanwhile is looked at then.
        """
        now = time.monotonic()
        to_check = []
        for name, source in self._sources.items():
            if source.descriptor in ready:
                self._poll.unregister(source.descriptor)
                self._resting[name] = now + source.rest
            elif self._resting.get(name, now + 1) <= now:
                self._poll.register(source.descriptor, source.mask)
                del self._resting[name]
            else:
                continue
            to_check.append(name)
        return to_check

    def _empty_control_socket(self) -> None:
        try:
            while True:
                self._control_socket.recv(1)
        except BlockingIOError:
            return

    def _read_registrations(self) -> None:
        """Read the registrations that have come, gone, or been replaced."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            names = []
        paths = {f"{self._folder}/{n}" for n in names if n.endswith(registration.SUFFIX)}
        for path, resource in list(self._resources.items()):
            if path not in paths or not resource.registered.stands:
                self._forget(path)
        for path in paths - self._resources.keys():
            try:
                self._add(WatchedResource(Registration(path)))
            except FileNotFoundError:
                continue  # a stop has just withdrawn it
            except (OSError, ValueError) as error:
                _log("", f"{path} is no registration: {error}")
                discard(path)

    def _add(self, resource: WatchedResource) -> None:
        self._resources[resource.registered.path] = resource
        for watch in resource.watches:
            if watch.descriptor is not None:
                self._poll.register(watch.descriptor, select.POLLIN)
            for name in watch.events:
                self._listen(name)
        # Only now, since what happened before had no event.
        self._check(resource, resource.watches)

    def _listen(self, name: str) -> None:
        if name in self._sources or name in self._missing:
            return
        try:
            source = events.source(name)
        except OSError as error:
            self._missing.add(name)
            _log("", f"some failures are noticed later, or by the monitor only: {error}")
            return
        self._sources[name] = source
        self._poll.register(source.descriptor, source.mask)

    def _forget(self, path: str) -> None:
        for watch in self._resources.pop(path).watches:
            self._release(watch)

    def _release(self, watch: watches.Watch) -> None:
        if watch.descriptor is not None:
            self._poll.unregister(watch.descriptor)
            watch.close()

    def _check_all(self, source: str) -> None:
        """Look at all that an event of a source may be about."""
        for resource in list(self._resources.values()):
            self._check(resource, [w for w in resource.watches if source in w.events])

    def _check(self, resource: WatchedResource, some: list[watches.Watch]) -> None:
        """Look at some watches of a resource, and report a failure once."""
        if (found := resource.new_problem(some)) and resource.registered.stands:
            watch, problem = found
            now = time.monotonic()
            if watch.is_storage:
                self._disk_failed = now
            wait = self._disk_failed + CONSEQUENCE - now if watch.needs_storage else 0.0
            self._report(resource.registered, problem, max(0.0, wait))

    def _report(self, registered: Registration, problem: str, wait: float) -> None:
        """Report a failure after some seconds, in a child, so that other failures do not wait."""
        if os.fork():
            return
        try:
            signals.reset(signals.CHLD)
            # It must not keep the lock or the socket if this watcher dies meanwhile.
            os.closerange(FIRST_FREE, os.sysconf("SC_OPEN_MAX"))
            time.sleep(wait)
            report.report(registered, problem)
        finally:
            os._exit(0)


def main(folder: str) -> None:
    """Be the node's watcher, unless there is one."""
    os.chdir("/")
    use_journal(report.NAME, "")
    signals.ignore(signals.CHLD)  # so that no child stays a zombie
    found = os.stat(folder)
    if found.st_uid != os.geteuid() or found.st_mode & OTHERS_MAY_WRITE:
        log(f"others may write to {folder}: it is not watched", WARNING)
        return
    lock = os.open(f"{folder}/{registration.LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    # Says that this version of the modules is in use (install/copies.py).
    os.open(_version_folder(), os.O_PATH | os.O_CLOEXEC)
    Watcher(folder, _open_control_socket(_address(folder))).run()
    if successor := _successor():
        # At once, and as the same process: systemd starts it again if it is killed, as before.
        os.execv(sys.executable, [sys.executable, "-IS", successor, folder])


def _version_folder() -> str:
    """Return the folder that has the modules' package."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _successor() -> str:
    """Return the watcher of the installed version if that is another one, "" if there is none.

    The modules of each version are a copy, and a link beside it leads to the one that is installed.
    """
    own = _version_folder()
    installed = f"{os.path.dirname(own)}/{CURRENT}"
    try:
        name = os.readlink(installed)
    except OSError:
        return ""  # it was not installed, but is run from elsewhere
    program = f"{os.path.dirname(own)}/{name}/ocf_agents/watcher/daemon.py"
    return program if name != os.path.basename(own) and os.path.exists(program) else ""


def _open_control_socket(address: str) -> socket:
    """Return the socket at an address, in place of a dead watcher's."""
    if os.path.lexists(address):
        os.unlink(address)
    control_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
    control_socket.bind(address)
    return control_socket


def _address(folder: str) -> str:
    return f"{folder}/{registration.SOCKET}"


def _log(resource: str, text: str) -> None:
    use_journal(report.NAME, resource)
    log(text, WARNING)


if __name__ == "__main__":
    main(sys.argv[1])

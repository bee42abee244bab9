"""Commands in virtual machines: as root, over one SSH connection to each that is kept open."""

import shlex
import subprocess
from pathlib import Path

from vagrant.common.errors import RigError
from vagrant.lab.place import LabLayout, Place

#: ssh(1), "EXIT STATUS": an error of ssh itself.
_SSH_FAILED = 255

_CONFIG = """Host *
  User root
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  IdentitiesOnly yes
  ConnectTimeout 60
  ServerAliveInterval 10
  ServerAliveCountMax 3
  ControlMaster auto
  ControlPersist yes
  ControlPath {folder}/%n.socket
"""


def write_config(place: Place, layout: LabLayout) -> None:
    """Write the lab's configuration for ssh."""
    place.ssh_config.parent.mkdir(mode=0o700, exist_ok=True)
    hosts = [
        f"Host {machine}\n  HostName {layout.addresses[machine]}\n"
        f"  IdentityFile {layout.keys[machine]}\n"
        for machine in layout.machines
    ]
    place.ssh_config.write_text("".join(hosts) + _CONFIG.format(folder=place.ssh_config.parent))


class Shell:
    """Runs commands in the machines of a lab.

    Args:
        place: Where the lab is kept.
        private: Whether it is in namespaces of its own.
    """

    def __init__(self, place: Place, *, private: bool) -> None:
        self._place = place
        self._private = private

    def command(self, machine: str, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line that runs `command` in a machine, from here.

        Args:
            machine: The machine's name.
            command: Program and arguments; they arrive as they are.
            options: More options of ssh.
        """
        ssh = ["ssh", "-F", str(self._place.ssh_config), *options, machine, "--"]
        return [*self._place.enter(private=self._private), *ssh, shlex.join(command)]

    def run(
        self, machine: str, *command: str, text: str = "", limit: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a machine and wait for it.

        Args:
            machine: The machine's name.
            command: Program and arguments.
            text: Its standard input.
            limit: Seconds until it is given up.

        Raises:
            RigError: The machine does not answer.
            subprocess.TimeoutExpired: It took longer than `limit`.
        """
        result = subprocess.run(
            self.command(machine, *command),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
        if result.returncode == _SSH_FAILED and not result.stdout:
            raise RigError(f"{machine} does not answer: {result.stderr.strip() or 'ssh failed'}")
        return result

    def forget(self, machine: str) -> None:
        """End the connection that is kept open: the machine at its other end is gone."""
        options = ("-F", str(self._place.ssh_config), "-O", "exit")
        subprocess.run(
            [*self._place.enter(private=self._private), "ssh", *options, machine],
            capture_output=True,
            check=False,
            timeout=60,
        )
        Path(self._place.ssh_config.parent / f"{machine}.socket").unlink(missing_ok=True)

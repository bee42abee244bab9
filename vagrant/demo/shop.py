"""The service of the demo and the rig tests, and how an administrator sets it up.

Everything that an administrator would type goes through `Administrator.types`, so that what is
shown is what was done.
"""

import json
import secrets
import shlex
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from vagrant.common.disks import ATTACH_PROGRAM, TARGET
from vagrant.common.errors import RigError
from vagrant.common.networks import Link
from vagrant.description import DESCRIPTION, description, postgres_programs
from vagrant.rig import Rig

SERVICE = "shop"
DIRECTORY = "/srv/shop"
_PASSWORD_FILE = "/root/hacluster.password"  # noqa: S105 - the file's name
_INITDB_PASSWORD_FILE = "/run/initdb.password"  # noqa: S105 - the file's name

#: Lets clients of the rig's network log in with a password.
_CLIENTS_RULE = f"host all all {Link.LINK0.subnet} scram-sha-256"


class Administrator:
    """Types commands on a rig's nodes.

    Args:
        rig: The rig.
        show: Called with the node and the command line before each command.
        output: Called with each line that comes back, when it comes.
    """

    def __init__(
        self, rig: Rig, show: Callable[[str, str], None], output: Callable[[str], None]
    ) -> None:
        self.rig = rig
        self._show = show
        self._output = output

    def types(self, node: str, *command: str, text: str = "") -> str:
        """Run a command on a node as an administrator does.

        Args:
            node: The node's name.
            command: The program and its arguments.
            text: Its standard input; not shown.

        Returns:
            What it printed on standard output.

        Raises:
            RigError: The command failed.
        """
        self._show(node, shlex.join(command))
        process = subprocess.Popen(
            self.rig.command(node, *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process, ThreadPoolExecutor() as pool:
            printed = pool.submit(self._tell, process.stdout)
            complaints = pool.submit(self._tell, process.stderr)
            if process.stdin:
                process.stdin.write(text)
                process.stdin.close()
        if process.returncode:
            said = (printed.result() + complaints.result()).strip()
            line = shlex.join(command)
            raise RigError(f"{node}: {line}: exit code {process.returncode}\n{said}")
        return printed.result()

    def _tell(self, stream: IO[str] | None) -> str:
        lines = []
        for line in stream or ():
            self._output(line)
            lines.append(line)
        return "".join(lines)


def prepare_nodes(admin: Administrator, *beside: str) -> None:
    """Install the agents on every node, and give pcs's user a password.

    Args:
        admin: Who does it.
        beside: Names of other hosts on which pcs's user has the same password.
    """
    password = secrets.token_urlsafe(16)
    for node in admin.rig.layout.node_names:
        admin.types(node, "takeover", "agents", "install")
        admin.types(node, "chpasswd", text=f"hacluster:{password}\n")
    for host in beside:
        admin.types(host, "chpasswd", text=f"hacluster:{password}\n")
    admin.rig.write(admin.rig.layout.node_names[0], _PASSWORD_FILE, f"{password}\n")


def create_database(admin: Administrator, node: str) -> str:
    """Make a new database on the shared disk; nothing stays mounted.

    Returns:
        The password of the database's user `postgres`.
    """
    lun = (admin.rig.layout.portal, TARGET, "1")
    device = admin.types(node, ATTACH_PROGRAM, "attach", *lun).strip()
    password = fill(admin, node, device, DIRECTORY)
    admin.types(node, ATTACH_PROGRAM, "detach", *lun)
    return password


def fill(admin: Administrator, node: str, device: str, directory: str) -> str:
    """Make an ext4 on a disk, and a new database in it, in `directory`/data; it is not mounted.

    Args:
        admin: Who does it.
        node: Where the disk is.
        device: The disk.
        directory: Where it is going to be mounted.

    Returns:
        The password of the database's user `postgres`.
    """
    postgres = postgres_programs(admin.rig)
    password = secrets.token_urlsafe(16)
    admin.types(node, "mkfs.ext4", "-q", device)
    admin.types(node, "mkdir", "-p", directory)
    admin.types(node, "mount", device, directory)
    data = f"{directory}/data"
    admin.types(node, "install", "--directory", "--owner=postgres", "--mode=0700", data)
    initdb = (f"{postgres}/initdb", f"--pgdata={data}", "--auth-host=scram-sha-256")
    as_postgres = ("runuser", "--user=postgres", "--")
    owned = ("install", "--owner=postgres", "--mode=0600", "/dev/stdin", _INITDB_PASSWORD_FILE)
    admin.types(node, *owned, text=f"{password}\n")
    admin.types(node, *as_postgres, *initdb, f"--pwfile={_INITDB_PASSWORD_FILE}")
    admin.types(node, "rm", _INITDB_PASSWORD_FILE)
    rules = f"{data}/pg_hba.conf"
    admin.types(node, "sed", "--in-place", f"$a {_CLIENTS_RULE}", rules)
    admin.types(node, "umount", directory)
    return password


def create_cluster(admin: Administrator, node: str, text: str = "") -> None:
    """Describe the cluster, create it, and put the service on it.

    Args:
        admin: Who does it.
        node: The node on which it is done.
        text: The description; the demo's own if it is empty.
    """
    admin.rig.write(node, DESCRIPTION, text or description(admin.rig))
    admin.types(node, "takeover", "check", DESCRIPTION)
    password_file = ("--password-file", _PASSWORD_FILE)
    admin.types(node, "takeover", "cluster", "create", DESCRIPTION, *password_file)
    admin.types(node, "takeover", "apply", DESCRIPTION)


def cluster_status(rig: Rig, node: str) -> dict[str, Any]:
    """Return what `takeover status --json` says on a node.

    Raises:
        RigError: The node is off, or no cluster answers there.
    """
    result = rig.run(node, "takeover", "status", "--json")
    try:
        status: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        status = {}
    if "nodes" not in status:
        raise RigError(f"{node}: takeover status: {result.stdout}{result.stderr}")
    return status

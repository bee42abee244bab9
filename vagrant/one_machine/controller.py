"""The process that owns a rig: PID 1 of a PID namespace that holds everything that belongs to it.

Started by `Rig.up` as `python -m vagrant.one_machine.controller NAME`. It brings the rig up, then
serves orders on a unix socket (one JSON object a line in, one out) until it is killed.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

from vagrant.common.kernel import MountFlag, Namespace, cgroup2_root, mount, unshare
from vagrant.common.networks import CLIENT_HOST, CLUSTER_LINKS, STORAGE_HOST, Link
from vagrant.one_machine import install
from vagrant.one_machine.host import Host
from vagrant.one_machine.layout import WITNESS, Layout
from vagrant.one_machine.mounts import MountObserver
from vagrant.one_machine.network import Network
from vagrant.one_machine.storage import create_images, export_luns, storage_init

CLIENT = "client"
SYSTEMD = "/lib/systemd/systemd"

Order = dict[str, Any]
Answer = dict[str, Any]


class Controller:
    """A rig as its owner sees it."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.network = Network()
        self.state = "starting"
        self.refusing: set[str] = set()
        cgroup = cgroup2_root() / layout.cgroup
        lower = [install.layer_dir(layout), Path(layout.tree)]
        self.storage = Host(
            name="storage",
            number=STORAGE_HOST,
            links=(Link.STORAGE,),
            init=storage_init(layout),
            network=self.network,
            cgroup=cgroup / "storage",
            lower=lower,
            disk=layout.private_dir / "storage",
        )
        self.nodes = {
            name: Host(
                name=name,
                number=layout.node_host(name),
                links=tuple(Link),
                init=[SYSTEMD, "--system"],
                network=self.network,
                cgroup=cgroup / name,
                lower=lower,
                disk=layout.private_dir / name,
                loops=[layout.loop_number(name, lun) for lun in range(1, layout.luns + 1)],
                sockets={install.FENCE_SOCKET: str(layout.fence_socket)},
            )
            for name in layout.node_names
        }
        #: All that can be worked on, by name.
        self.hosts = dict(self.nodes)
        if layout.witness:
            self.hosts[WITNESS] = Host(
                name=WITNESS,
                number=layout.node_host(WITNESS),
                links=CLUSTER_LINKS,
                init=[SYSTEMD, "--system"],
                network=self.network,
                cgroup=cgroup / WITNESS,
                lower=lower,
                disk=layout.private_dir / WITNESS,
            )
        self.mounts = MountObserver(layout, self.nodes)

    def bring_up(self) -> None:
        """Make networks, disks and nodes, and power everything on."""
        private = self.layout.private_dir
        private.mkdir()
        mount("tmpfs", private, "tmpfs", data="mode=700")
        serve(self.layout.control_socket, self.obey)
        serve(self.layout.fence_socket, self.obey_fence_agent)
        install.build_layer(self.layout)
        self.network.create()
        self.network.plug(CLIENT, CLIENT_HOST, (Link.LINK0,))
        create_images(self.layout, self.storage.disk)
        self.storage.power_on()
        export_luns(self.layout, self.storage)
        for host in self.hosts.values():
            install.prepare_disk(host)
            host.power_on()
        self.mounts.start()
        self.state = "up"

    def obey(self, order: Order) -> Answer:
        """Carry out an order from outside."""
        match order:
            case {"verb": "status"}:
                return self.status()
            case {"verb": "power", "node": node, "state": state}:
                host = self.hosts[node]
                {"on": host.power_on, "off": host.power_off, "reset": host.reset}[state]()
            case {"verb": "cut", "node": node, "links": links}:
                self.network.cut(node, self._links(node, links))
            case {"verb": "heal", "node": node, "links": links}:
                self.network.heal(node, self._links(node, links))
            case {"verb": "fencing", "node": node, "works": bool(works)}:
                (self.refusing.discard if works else self.refusing.add)(node)
            case _:
                raise ValueError(f"no such order: {order}")
        return {}

    def _links(self, host: str, links: list[str]) -> tuple[Link, ...]:
        """Return those of some links that a host is connected to."""
        return tuple(link for link in self.hosts[host].links if link in links)

    def obey_fence_agent(self, order: Order) -> Answer:
        """Carry out what a node's fence agent asks for; it can do nothing else."""
        match order:
            case {"action": "list"}:
                return {"nodes": list(self.nodes)}
            case {"action": "status", "node": node}:
                return {"on": self.nodes[node].pid is not None}
            case {"action": "off" | "on" | "reboot" as action, "node": node}:
                if node in self.refusing:
                    raise PermissionError(f"the power switch of {node} refuses")
                host = self.nodes[node]
                {"on": host.power_on, "off": host.power_off, "reboot": host.reset}[action]()
                return {}
        raise ValueError(f"no such order: {order}")

    def status(self) -> Answer:
        """Return everything there is to know about the rig, as JSON data."""
        return {
            "state": self.state,
            "client_netns": str(Path("/run/netns") / CLIENT),
            "nodes": {
                name: {
                    "power": "on" if node.pid else "off",
                    "pid": node.pid,
                    "cut": self.network.cut_links(name),
                    "fencing": "refuses" if name in self.refusing else "works",
                    "addresses": [self.layout.node_address(name, link) for link in CLUSTER_LINKS],
                }
                for name, node in self.nodes.items()
            },
            "witness": self._witness(),
            "disks": self.mounts.report(),
        }

    def _witness(self) -> Answer | None:
        if WITNESS not in self.hosts:
            return None
        host = self.hosts[WITNESS]
        return {
            "power": "on" if host.pid else "off",
            "pid": host.pid,
            "cut": self.network.cut_links(WITNESS),
            "addresses": [self.layout.node_address(WITNESS, link) for link in CLUSTER_LINKS],
        }


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


def serve(path: Path, obey: Callable[[Order], Answer]) -> None:
    """Answer orders on a unix socket, in threads; an order that fails answers with its error."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                try:
                    answer = {"ok": True, **obey(json.loads(line))}
                except Exception as error:  # the caller gets to know, the rig lives on
                    answer = {"ok": False, "error": f"{error}" or repr(error)}
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    server = _Server(str(path), Handler)
    path.chmod(0o600)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    """Become the rig's PID 1, bring the rig up and stay."""
    layout = Layout.load(sys.argv[1])
    if layout is None:
        sys.exit(f"no rig {sys.argv[1]}")
    os.umask(0o022)  # nodes' files are made with it
    leaf = cgroup2_root() / layout.cgroup / "controller"
    (leaf / "cgroup.procs").write_text(str(os.getpid()))
    unshare(Namespace.PID | Namespace.MOUNT | Namespace.NET | Namespace.IPC)
    pid = os.fork()
    if pid:
        (layout.run_dir / "controller.pid").write_text(f"{pid}\n")
        os._exit(0)
    mount("", "/", flags=MountFlag.REC | MountFlag.PRIVATE)
    mount("proc", "/proc", "proc", MountFlag.NOSUID | MountFlag.NODEV)
    controller = Controller(layout)
    try:
        controller.bring_up()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"controller: {error}")
    threading.Event().wait()  # until killed; the servers' threads do the rest


if __name__ == "__main__":
    main()

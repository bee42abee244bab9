"""Machines with pcsd: what they say when they are asked by HTTPS, and who pcs knows of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pcs_wrapper.machine.network import Request, Response
from tests.unit.fakes.programs import require

#: As pcsd 0.11.5 says it; 0.12 says the same.
SERVICES: dict[str, dict[str, Any]] = {
    name: {"installed": installed, "enabled": False, "running": False, "version": version}
    for name, installed, version in (
        ("pacemaker", True, "2.1.5"),
        ("pacemaker_remote", False, None),
        ("corosync", True, "3.1.7"),
        ("pcsd", True, "0.11.5"),
        ("sbd", False, None),
        ("qdevice", False, None),
        ("booth", False, None),
    )
}
AGENTS = (
    *(("ocf", "takeover", name) for name in ("app", "filesystem", "ip", "survey")),
    ("stonith", None, "fence_takeover_rig"),
)


@dataclass
class Pcsd:
    """A machine's pcsd.

    Attributes:
        services: What it says of the services of a cluster.
        config: The text of corosync.conf; empty if there is none.
        agents: The agents that are installed.
        is_silent: Whether nobody answers.
        refuses: Whether it takes no token.
        keeps: Whether a destruction leaves the configuration there.
    """

    services: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {name: dict(each) for name, each in SERVICES.items()}
    )
    config: str = ""
    agents: tuple[tuple[str, str | None, str], ...] = AGENTS
    is_silent: bool = False
    refuses: bool = False
    keeps: bool = False

    def says(self, path: str) -> Response:
        """Answer."""
        if path == "/remote/check_host":
            said = {
                "services": self.services,
                "cluster_configuration_exists": bool(self.config),
            }
            return Response(200, json.dumps(said))
        if path == "/remote/get_corosync_conf":
            if self.config:
                return Response(200, self.config)
            return Response(400, "Unable to read corosync.conf")
        if path == "/api/v1/resource-agent-get-agents-list/v1":
            keys = ("standard", "provider", "type")
            names = [dict(zip(keys, each, strict=True)) for each in self.agents]
            return Response(200, json.dumps({"status": "success", "data": {"names": names}}))
        require(path == "/remote/cluster_destroy", f"pcsd does not know {path}")
        if not self.keeps:
            self.config = ""
            for each in self.services.values():
                each["running"] = False
        return Response(200, "Successfully destroyed cluster")


@dataclass
class Machines:
    """Machines with pcsd, by their addresses.

    Attributes:
        root: Where this machine's file systems begin.
        pcsds: Their pcsds.
        asked: What was asked, each with the address.
    """

    root: Path
    pcsds: dict[str, Pcsd]
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def _file(self) -> Path:
        return self.root / "var/lib/pcsd/known-hosts"

    def know(self, name: str, address: str) -> None:
        """Let pcs know a machine, as after `pcs host auth`."""
        known = {}
        if self._file.exists():
            known = json.loads(self._file.read_text())["known_hosts"]
        place = {"addr": address, "port": 2224}
        known[name] = {"dest_list": [place], "token": f"token of {address}"}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_text(
            json.dumps({"format_version": 1, "data_version": 1, "known_hosts": known})
        )

    def ask(self, request: Request) -> Response:
        """Answer as pcsd does."""
        pcsd = self.pcsds.get(request.address)
        if pcsd is None or pcsd.is_silent:
            raise OSError(113, "No route to host")
        require(request.port == 2224, f"pcsd does not listen there: {request}")
        require("token" not in f"{request}".replace("token=", ""), f"a secret is shown: {request}")
        self.asked.append((request.address, request.path))
        if pcsd.refuses or request.token != f"token of {request.address}":
            return Response(401, '{"notauthorized":"true"}')
        return pcsd.says(request.path)

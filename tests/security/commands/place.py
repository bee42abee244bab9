"""A folder with all files that commands read, and a machine that finds them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from cib_templates.cib.text import parse_cib
from cib_templates.comparing.changes import ChangedIds
from pcs_wrapper.change import saved_plan
from pcs_wrapper.change.history.checkpoints import Checkpoint, Checkpoints
from pcs_wrapper.machine.console import Console
from pcs_wrapper.machine.machine import Machine
from tests.security.commands.odd import Answers, written
from tests.unit.fakes.programs import CONFIG, told
from tests.unit.pcs_wrapper.conftest import LIVE

DESCRIPTION = (LIVE / "shop.toml").read_text()
CIB = (LIVE / "2.1.xml").read_text()
RUNNING = told("running")
CONFIGURATION = json.dumps(CONFIG)
JOURNAL = '{"MESSAGE": "fence_apc[481] stderr: [ locked ]"}\n'


class Place:
    """A folder with all files that commands read, and a machine that finds them.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = Answers(
            {
                "pcs cluster cib": CIB.encode(),
                "cibadmin --query": CIB.encode(),
                "crm_mon": RUNNING.encode(),
                "pcs cluster config": CONFIGURATION.encode(),
                "journalctl": JOURNAL.encode(),
                "crm_diff": b"<diff format='2'/>",
            }
        )
        self.description = written(folder / "shop.toml", DESCRIPTION.encode())
        self.cib = written(folder / "cib.xml", CIB.encode())
        self.password = written(folder / "password", b"secret\n")
        self.corosync = written(folder / "corosync.conf", b"totem {}\n")
        self.machine = Machine(
            runner=self.programs,
            is_root=True,
            corosync_conf=self.corosync,
            schemas=folder / "schemas",
            agents=folder,
            state=folder / "state",
            archive=folder / "archive",
            program=Path("/usr/local/bin/takeover"),
            user="alice",
            now=lambda: datetime(2026, 11, 24, 20, 0, tzinfo=UTC),
            clock=lambda: self.programs.seconds,
            sleep=self.programs.sleep,
            console=Console(),
        )
        for name in ("app", "filesystem", "ip", "survey"):
            (folder / name).touch(mode=0o755)

    def checkpoint(self) -> Path:
        """Keep a checkpoint whose command died, and return the folder of its files."""
        kept = Checkpoints(self.machine.state)
        changes = ChangedIds(created=(), changed=("shop-app",), removed=())
        kept.begin(
            Checkpoint(1, "2026-11-24T20:00:00+00:00", "bob", "apply", "why", "shop", changes),
            parse_cib(CIB),
            parse_cib(CIB.replace("postgres", "pg")),
        )
        return self.machine.state / "checkpoints"

    def plan(self) -> str:
        """Return the text of a saved plan."""
        live = parse_cib(CIB)
        saved_plan.save(self.folder / "p", self.description, DESCRIPTION, live, live)
        return (self.folder / "p").read_text()

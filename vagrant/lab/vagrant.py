"""Calling Vagrant for a lab: its environment, its state, its words when it fails."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vagrant.box.build import box_for
from vagrant.common.building import CHECKOUT
from vagrant.common.errors import RigError
from vagrant.lab.place import LabLayout, Place

#: Four machines under TCG on two busy cores, with provisioning.
_UP_LIMIT = 3600.0
_LIMIT = 900.0
_GIVEN_BOX = "TAKEOVER_BOX"


class Vagrant:
    """Vagrant, for one lab.

    Args:
        place: Where the lab is kept.
        layout: Its shape.
        wheel: Takeover's wheel; None if nothing is going to be installed.
    """

    def __init__(self, place: Place, layout: LabLayout, wheel: Path | None) -> None:
        self._place = place
        self._layout = layout
        self._settings = {
            "VAGRANT_HOME": str(place.vagrant_home),
            "VAGRANT_DOTFILE_PATH": str(place.dotfile),
            "VAGRANT_DEFAULT_PROVIDER": "libvirt",
            "VAGRANT_CHECKPOINT_DISABLE": "1",
            "VAGRANT_NO_COLOR": "1",
            "VAGRANT_CWD": str(CHECKOUT / "vagrant"),
            "TAKEOVER_NODES": str(layout.nodes),
            "TAKEOVER_LUNS": str(layout.luns),
            "TAKEOVER_LUN_MIB": str(layout.lun_mib),
            "TAKEOVER_RELEASE": layout.release,
            **({"TAKEOVER_WHEEL": str(wheel)} if wheel else {}),
        }
        # A machine whose libvirtd runs may have a network behind it, and public boxes.
        self._box = place.folder / "takeover.box"
        if layout.private or _GIVEN_BOX in os.environ or self._box.is_symlink():
            self._settings[_GIVEN_BOX] = str(self._box)

    def prepare(self, say: Callable[[str], None]) -> None:
        """Have the box at hand: the one of the environment, or our own.

        Raises:
            TreeError: Our own box could not be built.
        """
        for folder in (self._place.vagrant_home, self._place.dotfile):
            folder.mkdir(mode=0o700)
        if _GIVEN_BOX in self._settings:
            given = os.environ.get(_GIVEN_BOX) or box_for(self._layout.release, say)
            self._box.symlink_to(Path(given).resolve())

    def up(self, say: Callable[[str], None]) -> None:
        """Make, boot and provision all machines.

        Raises:
            RigError: Vagrant failed; the message has the end of what it said.
        """
        say(f"vagrant up: {len(self._layout.machines)} machines")
        self.run("up", "--provider", "libvirt", limit=_UP_LIMIT)

    def destroy(self) -> None:
        """Remove all machines and the networks that were made for them.

        Raises:
            RigError: Vagrant failed.
        """
        self.run("destroy", "--force")

    def with_addresses(self) -> LabLayout:
        """Return the layout with each machine's address and key, as Vagrant knows them.

        Raises:
            RigError: Vagrant does not know them.
        """
        said = self.run("ssh-config")
        addresses, keys = machines_in(said)
        if set(addresses) != set(self._layout.machines):
            raise RigError(f"vagrant ssh-config does not know all machines:\n{said}")
        return replace(self._layout, addresses=addresses, keys=keys)

    def run(self, *arguments: str, limit: float = _LIMIT) -> str:
        """Call Vagrant, and return what it said.

        Args:
            arguments: Its arguments.
            limit: Seconds until it is given up.

        Raises:
            RigError: Vagrant failed, or took longer; the message has the end of what it said.
        """
        # The environment is given inside: the namespaces are entered by a program without it.
        enter = self._place.enter(private=self._layout.private)
        settings = [f"{name}={value}" for name, value in self._settings.items()]
        path = self._place.folder / "vagrant.log"
        # As it comes: whoever waits for half an hour can look at it.
        with path.open("a+", errors="replace") as log:
            begin = log.seek(0, os.SEEK_END)
            try:
                code = subprocess.run(
                    [*enter, "env", *settings, "vagrant", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    check=False,
                    timeout=limit,
                ).returncode
            except subprocess.TimeoutExpired as error:
                raise RigError(f"vagrant {arguments[0]} has not ended: {limit:.0f} s") from error
            log.seek(begin)
            said = re.sub(r"\x1b\[[0-9;]*m", "", log.read())
        if code:
            tail = "\n".join(said.splitlines()[-30:])
            raise RigError(f"vagrant {arguments[0]} failed:\n{tail}")
        return said


def machines_in(ssh_config: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return each machine's address and file of its private key, as Vagrant says them."""
    addresses: dict[str, str] = {}
    keys: dict[str, str] = {}
    machine = ""
    for line in ssh_config.splitlines():
        word, _, value = line.strip().partition(" ")
        match word:
            case "Host":
                machine = value
            case "HostName":
                addresses[machine] = value
            case "IdentityFile":
                keys[machine] = value.strip('"')
    return addresses, keys

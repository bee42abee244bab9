"""The files that Vagrant and the machines take: they parse, and say the same as the Python side."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vagrant.box.build import DISK_GIB, VAGRANTFILE, metadata
from vagrant.box.image import packages
from vagrant.common.building import CHECKOUT
from vagrant.common.debian import PYTHON_OF
from vagrant.common.disks import TARGET
from vagrant.common.networks import CLIENT_HOST, FIRST_NODE_HOST, STORAGE_HOST, Link
from vagrant.lab.place import (
    CHAP_SECRET_FILE,
    CHAP_USER,
    DOMAIN_PREFIX,
    NETWORK_PREFIX,
    SBD_TARGET,
    LabLayout,
)

VAGRANT = CHECKOUT / "vagrant"
PROVISION = VAGRANT / "provision"
VAGRANTFILES = VAGRANT / "Vagrantfile"
SCRIPTS = [*sorted(PROVISION.glob("*.sh")), CHECKOUT / "script/vagrant-lab"]


def _needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def _run(*command: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    """Bash takes them, and they end with the first error."""
    result = _run("bash", "-n", script)
    assert result.returncode == 0, result.stderr
    assert "\nset -euo pipefail\n" in script.read_text()
    assert os.access(script, os.X_OK)


@_needs("shellcheck")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_have_no_pitfalls(script: Path) -> None:
    """Shellcheck finds nothing."""
    result = _run("shellcheck", "--external-sources", f"--source-path={script.parent}", script)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("program", ["attach-lun", "watch-mounts"])
def test_programs_parse(program: str) -> None:
    """Python takes them."""
    compile((PROVISION / program).read_text(), program, "exec")


@_needs("ruby")
@pytest.mark.parametrize("text", [VAGRANTFILES.read_text(), VAGRANTFILE], ids=["lab", "box"])
def test_vagrantfiles_parse(text: str, tmp_path: Path) -> None:
    """Ruby takes the lab's Vagrantfile, and the box's."""
    (tmp_path / "Vagrantfile").write_text(text)
    result = _run("ruby", "-c", tmp_path / "Vagrantfile")
    assert result.returncode == 0, result.stderr


def _validate(folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    wheel = folder / "takeover.whl"
    wheel.touch()
    return _run(
        *("vagrant", "validate"),
        VAGRANT_CWD=str(VAGRANT),
        VAGRANT_HOME=str(folder / "home"),
        VAGRANT_DOTFILE_PATH=str(folder / "state"),
        VAGRANT_CHECKPOINT_DISABLE="1",
        VAGRANT_DEFAULT_PROVIDER="libvirt",
        TAKEOVER_WHEEL=str(wheel),
        **settings,
    )


@_needs("vagrant")
def test_vagrant_takes_the_lab(tmp_path: Path) -> None:
    """With every setting, and the secret is made where only its owner can read it."""
    box = {"TAKEOVER_BOX": str(tmp_path / "own.box"), "TAKEOVER_NODES": "8", "TAKEOVER_LUNS": "8"}
    result = _validate(tmp_path, **box)
    assert result.returncode == 0, result.stdout + result.stderr
    secret = tmp_path / "state/chap.secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    # RFC 7143, 12.1.3 "CHAP Considerations", wants at least 96 bits where there is no IPsec; there
    # are targets that take 12 to 16 characters.
    assert re.fullmatch(r"[A-Za-z0-9]{16}\n", secret.read_text())


@_needs("vagrant")
@pytest.mark.parametrize(
    ("name", "value"),
    [("TAKEOVER_NODES", "9"), ("TAKEOVER_NODES", "1"), ("TAKEOVER_LUNS", "two")],
)
def test_a_wrong_setting_is_explained(name: str, value: str, tmp_path: Path) -> None:
    """In one line, with the name of the setting and what it may be."""
    result = _validate(tmp_path, **{name: value})
    assert result.returncode != 0
    assert f"{name} is a whole number from " in result.stderr
    assert f'not "{value}"' in result.stderr


@_needs("vagrant")
@pytest.mark.parametrize(("command", "code"), [("validate", 0), ("up", 1)])
def test_only_what_installs_it_needs_a_wheel(command: str, code: int, tmp_path: Path) -> None:
    """Where there is none, `vagrant destroy` must still work; `vagrant up` says how to make one."""
    shutil.copytree(VAGRANT, tmp_path / "vagrant")
    (tmp_path / "requirements.lock").touch()
    result = _run(
        *("vagrant", command),
        VAGRANT_CWD=str(tmp_path / "vagrant"),
        VAGRANT_HOME=str(tmp_path / "home"),
        VAGRANT_DOTFILE_PATH=str(tmp_path / "state"),
        VAGRANT_CHECKPOINT_DISABLE="1",
        VAGRANT_DEFAULT_PROVIDER="libvirt",
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert ("there is no wheel of Takeover in dist/" in result.stderr) == bool(code)


def test_vagrantfile_and_layout_agree() -> None:
    """Addresses and names are written in both: Ruby does not read Python."""
    text = VAGRANTFILES.read_text()
    for link in Link:
        base = str(link.subnet.network_address).rpartition(".")
        expected = (
            f'"{link}" => {{ subnet: "{base[0]}.%d", first: {base[2]}, '
            f'netmask: "{link.subnet.netmask}", host: {CLIENT_HOST} }}'
        )
        assert expected in text
    assert f"FIRST_NODE_HOST = {FIRST_NODE_HOST}\nSTORAGE_HOST = {STORAGE_HOST}\n" in text
    assert 'PORTALS = [address("storage", STORAGE_HOST), address("link1", STORAGE_HOST)]' in text
    assert f'libvirt.default_prefix = "{DOMAIN_PREFIX}"' in text
    assert f'libvirt__network_name: "{NETWORK_PREFIX}#{{link}}"' in text


def test_provisioning_and_layout_agree() -> None:
    """Target names, the CHAP user and the place of its secret."""
    storage, node = ((PROVISION / f"{name}.sh").read_text() for name in ("storage", "node"))
    assert f"base={TARGET.rpartition(':')[0]}\n" in storage
    assert "target sbd sbd=0" in storage
    assert f"target={SBD_TARGET}\n" in node
    for text in (storage, node):
        assert CHAP_SECRET_FILE in text
    assert f"userid={CHAP_USER} " in storage
    assert f"username = {CHAP_USER}\n" in node


@pytest.mark.parametrize("release", PYTHON_OF)
def test_the_box_has_what_provisioning_installs(release: str) -> None:
    """Where there is no network behind the machines, nothing can be installed later."""
    text = (PROVISION / "takeover.sh").read_text()
    wanted = re.search(r"^packages=\((.*)\)$", text, re.MULTILINE)
    agents = dict(re.findall(r"^(bookworm|\*)\) packages\+=\((.*)\) ;;$", text, re.MULTILINE))
    assert wanted
    assert set(agents) == {"bookworm", "*"}
    of_release = agents["bookworm" if release == "bookworm" else "*"]
    assert {*wanted[1].split(), *of_release.split(), "targetcli-fb"} <= set(packages(release))


def test_metadata_of_the_box() -> None:
    """What vagrant-libvirt asks for: provider, format, and the size in GB."""
    assert json.loads(metadata()) == {
        "provider": "libvirt",
        "format": "qcow2",
        "virtual_size": DISK_GIB,
    }


def test_addresses_of_a_lab() -> None:
    """All of them are for documentation (RFC 5737)."""
    layout = LabLayout(
        name="a", purpose="lab", nodes=2, luns=1, lun_mib=64, release="bookworm", private=True
    )
    assert layout.portal == "203.0.113.129:3260"
    assert layout.portals == ["203.0.113.129:3260", "203.0.113.1:3260"]
    assert [layout.node_address("node2", link) for link in Link] == [
        "198.51.100.12",
        "203.0.113.12",
        "203.0.113.140",
    ]
    assert layout.machines == ["storage", "node1", "node2"]

"""Our agents on trial by resource-agents' ocf-tester: it finds what its DTD of API 1.0 cannot know.

Every difference is named here and explained in docs/checking-agents.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocf_agents.install.launchers import install_agents
from tests.rig.on_host.conftest import Node, run
from tests.rig.on_host.disks import image, loop

OCF_TESTER = "/usr/sbin/ocf-tester"
DTD = "/usr/share/resource-agents/ra-api-1.dtd"
pytestmark = pytest.mark.skipif(
    not Path(OCF_TESTER).exists() or not shutil.which("xmllint"),
    reason="needs Debian's packages resource-agents-dev and libxml2-utils",
)

# xmllint stops at meta-data that does not name the DTD, and meta-data of API 1.1 must not name it.
NO_DTD = "rc=4: Your agent produces meta-data which does not conform to ra-api-1.dtd"
# Said if the interpreter that the agents were installed with is out of an ordinary user's reach.
OUT_OF_REACH = "rc=126: Your agent has too restrictive permissions: should be 755"
OPTIONAL = re.compile(
    r"Your agent does not support (the (demote|promote|migrate|reload) action|promotable clones)"
    r" \(optional\)"
)
# What API 1.1 has and the DTD does not know, in the words of xmllint.
NEW_IN_1_1 = {
    "No declaration for attribute unique-group of element parameter",
    "No declaration for attribute reloadable of element parameter",
    'Value "reload-agent" for attribute name of action is not among the enumerated set',
    'Value "select" for attribute type of content is not among the enumerated set',
    "Element content was declared EMPTY this one has content",
    "No declaration for element option",
    "No declaration for attribute value of element option",
}


@pytest.fixture
def agents() -> Iterator[Path]:
    """Return the folder of the installed agents, which every user can enter."""
    root = Path(tempfile.mkdtemp(prefix="takeover-test-"))
    root.chmod(0o755)
    [agent, *_] = install_agents(root)
    yield agent.parent
    shutil.rmtree(root)


def found_by_ocf_tester(enter: list[str], agent: Path, *parameters: str) -> set[str]:
    """Run ocf-tester; return what it found, without the actions that are optional."""
    given = [word for parameter in parameters for word in ("-o", parameter)]
    done = subprocess.run(
        [*enter, OCF_TESTER, "-n", f"ocf-tester-{os.getpid()}", *given, str(agent)],
        env={"PATH": os.environ["PATH"], "OCF_ROOT": "/usr/lib/ocf"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("* ")]
    found = {line for line in lines if not OPTIONAL.fullmatch(line)}
    assert f"failed {len(found)} tests" in done.stderr, done
    return found


def expected() -> set[str]:
    """Return what ocf-tester finds of any agent of API 1.1 that was installed like this."""
    folders = Path(os.path.realpath(sys.executable)).parents
    in_reach = all(folder.stat().st_mode & 1 for folder in folders)
    return {NO_DTD} if in_reach else {NO_DTD, OUT_OF_REACH}


@pytest.mark.parametrize("name", ["app", "filesystem", "ip"])
def test_the_dtd_lacks_what_is_new_in_1_1(agents: Path, name: str) -> None:
    """Judged by the DTD itself, the meta-data has what is new in API 1.1, and no other fault."""
    document = run(str(agents / name), "meta-data").stdout
    judged = subprocess.run(
        ["xmllint", "--noout", "--dtdvalid", DTD, "-"],
        input=document, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = set(re.findall(r"validity error : (.*?) ?$", judged.stderr, re.MULTILINE))
    assert said
    assert said <= NEW_IN_1_1


def test_ocf_tester_on_app(agents: Path) -> None:
    """An application with a process that sleeps."""
    parameters = ("binfile=/usr/bin/sleep", "cmdline_options=605")
    assert found_by_ocf_tester([], agents / "app", *parameters) == expected()


def test_ocf_tester_on_ip(agents: Path, node: Node) -> None:
    """An address on a cable between two interfaces."""
    node.run(*"ip link add eth1 type veth peer name eth2".split())
    for name in ("eth1", "eth2"):
        node.run("ip", "link", "set", name, "up")
    parameters = ("ip=198.51.100.7", "nic=eth1", "cidr_netmask=24")
    assert found_by_ocf_tester(node.enter, agents / "ip", *parameters) == expected()


def test_ocf_tester_on_filesystem(agents: Path, node: Node, tmp_path: Path) -> None:
    """An ext4 filesystem on a loop device."""
    with loop(image(tmp_path / "disk.img")) as device:
        parameters = (f"device={device}", f"directory={tmp_path}/mnt", "fstype=ext4")
        assert found_by_ocf_tester(node.enter, agents / "filesystem", *parameters) == expected()

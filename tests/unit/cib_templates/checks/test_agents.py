"""`check` and the agents agree: what one refuses, the other does, too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from cib_templates.errors import DescriptionError
from cib_templates.model.description import Description
from cib_templates.rendering.render import render
from ocf_agents.app import App
from ocf_agents.filesystem import Filesystem
from ocf_agents.ip import Ip
from ocf_agents.runtime.agent import AgentError

Describe = Callable[..., Description]

AGENTS = {"app": App, "filesystem": Filesystem, "ip": Ip}
DISK = 'device = "UUID=1"\ndirectory = "/srv/web"\n'


def service(part: str, table: str, pattern: str = "standby") -> str:
    """Return a service with one part."""
    return (
        f'\n[services.web]\npattern = "{pattern}"\nnodes = ["node1", "node2"]\n'
        f"[services.web.{part}]\n{table}\n"
    )


def refusals(cib: etree._Element) -> list[str]:
    """Return what the agents' validate-all, run in this process, says of a CIB's resources."""
    found = []
    for primitive in cib.iterfind(".//primitive[@provider='takeover']"):
        pairs = primitive.iterfind("instance_attributes/nvpair")
        environ = {f"OCF_RESKEY_{each.get('name')}": str(each.get("value")) for each in pairs}
        if any(parent.tag == "clone" for parent in primitive.iterancestors()):
            environ["OCF_RESKEY_CRM_meta_clone"] = "0"
        agent = AGENTS[str(primitive.get("type"))]
        try:
            agent({**environ, "OCF_CHECK_LEVEL": "0"}, "validate-all").validate()
        except AgentError as error:
            found.append(f"{primitive.get('id')}: {error}")
    return found


def codes(described: Describe, more: str) -> list[str]:
    """Return the codes of the mistakes in the example with a service more."""
    try:
        assert refusals(render(described(more=more))) == []
    except DescriptionError as error:
        return [each.code for each in error.findings]
    return []


@pytest.mark.parametrize(
    "directory",
    ["/", "/usr", "/var/log", "/var/log/", "/proc/x", "/dev/shm/x", "/var/lib/pacemaker", "/tmp"],  # noqa: S108
)
def test_where_the_agent_mounts_nothing(directory: str, described: Describe) -> None:
    """Code 6 of the agent would stop the service in the whole cluster."""
    table = f'device = "UUID=1"\ndirectory = "{directory}"'
    found = codes(described, service("filesystem", table))
    # "/" also hides every other mount point.
    assert [code for code in found if code != "directory-hidden"] == ["directory-of-the-system"]


@pytest.mark.parametrize("directory", ["/home", "/opt", "/srv", "/mnt", "/var/www", "/data"])
def test_where_the_agent_mounts(directory: str, described: Describe) -> None:
    """Folders in which others may keep files, too: `check` warns of these."""
    # /srv itself would hide the example's own mount point.
    shop = ('"/srv/shop"', '"/shop"')
    table = f'device = "UUID=1"\ndirectory = "{directory}"'
    assert refusals(render(described(shop, more=service("filesystem", table)))) == []


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("gfs2", True),
        ("nfs", True),
        ("squashfs", True),
        ("erofs", True),
        ("efs", True),
        ("overlay", True),
        ("tmpfs", True),
        ("ext4", False),
        ("xfs", False),
        ("fuse.unknown", False),
    ],
)
def test_what_is_mounted_everywhere(kind: str, right: bool, described: Describe) -> None:
    """Several nodes have what is on the network, made for it, or not to be written."""
    more = service("filesystem", f'{DISK}type = "{kind}"', "everywhere")
    assert codes(described, more) == ([] if right else ["filesystem-on-several-nodes"])
    forced = f"{more}parameters = {{ force_clones = true }}\n"
    assert codes(described, forced) == []


@pytest.mark.parametrize(
    ("part", "table", "code"),
    [
        ("filesystem", 'directory = "/srv/web"\ndevice = "UUIDS=1"', "device-unusable"),
        ("filesystem", 'directory = "/srv/web"\ndevice = "share"\ntype = "9p"', ""),
        ("filesystem", 'directory = "/srv/web"\ndevice = "ID=wwn-0x5"', ""),
        ("filesystem", 'directory = "/srv/web"\ndevice = "//server/share"\ntype = "cifs"', ""),
        ("filesystem", f'{DISK}reservation = true\noptions = "bind"', "parameter-refused"),
        ("filesystem", f'{DISK}parameters = {{ run_fsck = "yes" }}', "parameter-refused"),
        (
            "filesystem",
            f"{DISK}parameters = {{ reservation_key = 123456789 }}",
            "parameter-refused",
        ),
        ("app", 'command = ["/bin/x"]\nenvironment_file = "web"', "parameter-refused"),
        ("app", 'command = ["/bin/x"]\nenvironment_file = "-/etc/web"', ""),
        ("app", 'command = ["/bin/x"]\nlimits = "nofiles=3"', "parameter-refused"),
        ("app", 'command = ["/bin/x"]\nlimits = "nofile=5:3"', "parameter-refused"),
        ("app", 'command = ["/bin/x"]\nparameters = { umask = 999 }', "parameter-refused"),
        (
            "app",
            'command = ["/bin/x"]\nparameters = { monitor_hook = "a | b" }',
            "parameter-refused",
        ),
        ("app", 'command = ["/bin/x"]\nhealth = "tcp:::1:80"', "value-wrong"),
        ("app", 'command = ["/bin/x"]\nhealth = "tcp:[::1]:80"', ""),
        ("app", 'command = ["/bin/x"]\nhealth = "http://h:99999/"', "value-wrong"),
        ("app", 'command = ["/bin/x"]\nhealth = "http://h/ --status 200"', "value-wrong"),
        ("app", 'command = ["/bin/x"]\nhealth = "http://h/ status=200,301-302"', ""),
        ("app", 'command = ["/bin/x"]\nhealth = "command:/bin/x \'"', "value-wrong"),
        ("app", 'agent = "ocf:takeover:ip"\nparameters = { ip = "x" }', "parameter-refused"),
        ("address", 'ip = "203.0.113.99"\nprefix = 0', "value-out-of-range"),
        ("address", 'ip = "203.0.113.99"\nparameters = { arp_count = 5000 }', "parameter-refused"),
        ("address", 'ip = "203.0.113.99"\nparameters = { broadcast = "x" }', "parameter-refused"),
    ],
)
def test_what_the_agent_refuses(part: str, table: str, code: str, described: Describe) -> None:
    """One finding, and if there is none, the agent has nothing against it either."""
    assert codes(described, service(part, table)) == ([code] if code else [])


def test_a_refusal_names_the_key(described: Describe) -> None:
    """The agent's words are of its parameter; the path is of what was written."""
    limits = service("app", 'command = ["/bin/x"]\nlimits = "nofiles=3"')
    umask = service("app", 'command = ["/bin/x"]\nparameters = { umask = 999 }')
    for more, key in ((limits, "limits"), (umask, "parameters.umask")):
        with pytest.raises(DescriptionError) as caught:
            described(more=more)
        (found,) = caught.value.findings
        assert found.key == f"services.web.app.{key}"
        assert found.message.startswith("ocf:takeover:app refuses it: ")

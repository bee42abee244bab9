"""Reading descriptions, and every mistake that a user can make in one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cib_templates.errors import DescriptionError
from cib_templates.findings import Finding
from cib_templates.model.description import Description
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import EXAMPLE

Describe = Callable[..., Description]


def findings_of(text: str | bytes, folder: Path) -> tuple[Finding, ...]:
    """Return what is found wrong with a description's text."""
    file = folder / "cluster.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DescriptionError) as caught:
        read_description(file)
    return caught.value.findings


def mistakes_of(text: str | bytes, folder: Path) -> list[str]:
    """Return the mistakes of a description's text, without the file's folder."""
    return [str(mistake).removeprefix(f"{folder}/") for mistake in findings_of(text, folder)]


def codes_of(text: str | bytes, folder: Path) -> list[str]:
    """Return the codes of the mistakes of a description's text."""
    return [mistake.code for mistake in findings_of(text, folder)]


def line_of(text: str, written: str) -> int:
    """Return the line on which a text is written for the first time."""
    return text[: text.index(written)].count("\n") + 1


def test_the_example_is_right() -> None:
    """The example in the documentation is read without a mistake."""
    description = read_description(EXAMPLE)
    assert list(description.nodes) == ["node1", "node2", "node3"]
    assert [kind for kind, _ in description.services["shop"].parts()] == [
        "filesystem",
        "app",
        "address",
    ]


MISTAKES = [
    ("token =", "tokn =", "key-unknown cluster.tokn: is not a known key (did you mean 'token'?)"),
    (
        '"1000ms"',
        "1000",
        "value-wrong cluster.token: 1000 is not a duration with a unit (ms, s, min, h) ",
    ),
    (
        'name = "shop"',
        'name = "my shop"',
        "value-wrong cluster.name: 'my shop' is not right (1 to 32 ",
    ),
    ("schema = 1", "schema = 2", "value-wrong schema: 2 is not supported (schema = 1)"),
    (
        '"standby"',
        '"mirrored"',
        'value-unknown services.shop.pattern: \'mirrored\' is not supported ("standby", "mutual", ',
    ),
    (
        "lun = 1",
        'lun = "1"',
        "type-wrong services.shop.filesystem.lun: must not be a string (a logical unit",
    ),
    (
        "lun = 1",
        "lun = 1979-05-27",
        "type-wrong services.shop.filesystem.lun: must not be a date or time ",
    ),
    (
        'ip = "198.51.100.100"',
        'ip = "198.51.100.300"',
        "value-wrong services.shop.address.ip: '198.51.100.300'",
    ),
    (
        '"198.51.100.12"',
        '"198.51.100.11"',
        "address-in-use-twice nodes.node2.links[0]: 198.51.100.11 is already used ",
    ),
    (
        '"198.51.100.100"',
        '"198.51.100.13"',
        "address-in-use-twice services.shop.address.ip: 198.51.100.13 is already ",
    ),
    (
        '"198.51.100.12", ',
        "",
        "links-differ nodes.node2.links: has 1 links, but node1 has 2 (every node has ",
    ),
    (
        'nodes = ["node1", "node2", "node3"]',
        'nodes = ["node1", "node4"]',
        "node-unknown "
        "services.shop.nodes[1]: there is no node 'node4' ([nodes] has node1, node2, node3)",
    ),
    (
        ', node3 = "3"',
        "",
        "node-unfenced nodes.node3: no fencing device can fence this node: its services ",
    ),
    (
        'node3 = "3"',
        'node3 = "3", node4 = "4"',
        "node-unknown fencing.power.plugs.node4: there is no node 'nod",
    ),
    (
        "password_script",
        "password",
        "secret-in-fencing-parameter fencing.power.parameters.password: a secret must not be in ",
    ),
    (
        "username =",
        "pcmk_host_list =",
        "fencing-parameter-has-a-key fencing.power.parameters.pcmk_host_list: is set by Takeo",
    ),
    (
        "lun = 1\n",
        "",
        "lun-incomplete services.shop.filesystem: an iSCSI LUN needs lun too (a device, or portal,",
    ),
    (
        "lun = 1",
        'device = "/dev/sdb"\nlun = 1',
        "disk-not-one services.shop.filesystem.device: there is a dev",
    ),
    (
        '"/srv/shop"',
        '"/usr/"',
        "directory-of-the-system services.shop.filesystem.directory: /usr is a folder of the syste",
    ),
    (
        '"/srv/shop"',
        '"shop"',
        "value-wrong services.shop.filesystem.directory: 'shop' is not an absolute path ",
    ),
    (
        '"/usr/lib/postgresql/15/bin/postgres"',
        '"postgres"',
        "value-wrong services.shop.app.command: must begi",
    ),
    (
        '"INT"',
        '"QUITE"',
        "value-wrong services.shop.app.stop_signal: 'QUITE' is not one of TERM, INT, ",
    ),
    (
        "tcp:127",
        "udp:127",
        "value-wrong services.shop.app.ready: 'udp:127.0.0.1:5432' is not a check (",
    ),
    (
        "tcp:127",
        "http:127",
        "value-wrong "
        "services.shop.app.ready: 'http:127.0.0.1:5432' is not a check: it is not http://HOST",
    ),
    (
        'user = "postgres"',
        'user = "a\\nb"',
        "value-wrong services.shop.app.user: must be one line without con",
    ),
    (
        '"60s"\n',
        '"60s"\ntimeout = "60s"\n',
        "stop-timeout-too-long services.shop.app.stop_timeout: must be shorter ",
    ),
    (
        "prefix = 24",
        "prefix = 64",
        "prefix-too-long services.shop.address.prefix: an IPv4 prefix length is at mos",
    ),
    (
        "lun = 1",
        f"lun = 0x{'f' * 5000}",
        "value-out-of-range services.shop.filesystem.lun: is too large (a logical ",
    ),
    (
        '"1000ms"',
        '"99999999999999999999h"',
        "value-wrong cluster.token: '99999999999999999999h' is not a duration with",
    ),
    (
        '"1000ms"',
        '"99ms"',
        "value-wrong cluster.token: must be 100 ms to 5 min: earlier, Corosync would take ",
    ),
    (
        '"1000ms"',
        '"301s"',
        "value-wrong cluster.token: must be 100 ms to 5 min: earlier, Corosync would take ",
    ),
    (
        '"60s"\n',
        '"0s"\n',
        "value-wrong services.shop.app.stop_timeout: must be whole seconds, 1 s to 24 h ",
    ),
    (
        '"60s"\n',
        '"25h"\n',
        "value-wrong services.shop.app.stop_timeout: must be whole seconds, 1 s to 24 h ",
    ),
    (
        '"60s"\n',
        '"1500ms"\n',
        "value-wrong services.shop.app.stop_timeout: must be whole seconds, 1 s to 24 ",
    ),
    ("schema = 1", "schema = true", "type-wrong schema: must not be a boolean (schema = 1)"),
    ("schema = 1", "schema = 1.0", "type-wrong schema: must not be a float (schema = 1)"),
    (
        "node3",
        "localhost",
        "node-is-localhost nodes.localhost: every machine calls itself localhost (name it ",
    ),
    (
        "node3",
        "NODE2",
        "node-names-differ-in-case "
        "nodes.NODE2: differs from node2 in case only (host names have no case: ",
    ),
    (
        "user =",
        'agent = "systemd:x"\nuser =',
        "app-not-one services.shop.app: has both a command and an agent",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), MISTAKES)
def test_a_mistake_is_reported_where_it_is(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    """Each mistake names its line, its key, what is wrong and what would be right."""
    # A node is renamed wherever it is named.
    text = EXAMPLE.read_text().replace(old, new, -1 if old == "node3" else 1)
    found = mistakes_of(text, tmp_path)
    assert len(found) == 1, found
    line, _, rest = found[0].removeprefix("cluster.toml:").partition(": ")
    code, _, sentence = expected.partition(" ")
    assert rest.startswith(sentence)
    assert codes_of(text, tmp_path) == [code]
    table = re.sub(r"\.[a-z_]+$", "", sentence.partition(":")[0])
    first = line_of(text, f"[{table}]") if f"[{table}]" in text else 1
    assert first <= int(line) <= text.count("\n")


def test_the_line_is_the_key_s_own(tmp_path: Path) -> None:
    """An unknown key is reported on the line where it is written."""
    text = EXAMPLE.read_text().replace("prefix = 24", "prefiks = 24")
    assert mistakes_of(text, tmp_path) == [
        f"cluster.toml:{line_of(text, 'prefiks')}: services.shop.address.prefiks: "
        "is not a known key (did you mean 'prefix'?)"
    ]


def test_a_misspelt_table_is_reported_where_it_is_first_written(tmp_path: Path) -> None:
    """A table that is only written as part of others' headers has the first one's line."""
    text = EXAMPLE.read_text().replace("[services.", "[servces.")
    assert mistakes_of(text, tmp_path) == [
        f"cluster.toml:{line_of(text, '[servces.shop]')}: servces: "
        "is not a known key (did you mean 'services'?)"
    ]


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    """Wrong keys, wrong values and contradictions come together, in the order of their lines."""
    text = (
        EXAMPLE.read_text()
        .replace("token =", "tokn =")
        .replace("username =", "passwd =")
        .replace('"node2", "node3"]', '"node2", "node9"]')
        .replace('"/srv/shop"', '"/usr"', 1)
    )
    found = [message.split(": ")[1] for message in mistakes_of(text, tmp_path)]
    assert found == [
        "cluster.tokn",
        "fencing.power.parameters.passwd",
        "services.shop.nodes[2]",
        "services.shop.filesystem.directory",
    ]


def test_a_node_that_cannot_be_read_is_still_a_node(tmp_path: Path) -> None:
    """A mistake in a node's table does not make its name unknown elsewhere."""
    text = EXAMPLE.read_text().replace('links = ["198.51.100.13"', 'links = [13, "198.51.100.13"')
    assert [message.split(": ")[1] for message in mistakes_of(text, tmp_path)] == [
        "nodes.node3.links[0]"
    ]


@pytest.mark.parametrize(
    ("content", "expected", "code"),
    [
        (b"schema = ", "cluster.toml:1: is not TOML: Invalid value", "not-toml"),
        (b"\n\n[cluster\n", "cluster.toml:3: is not TOML: Expected ']'", "not-toml"),
        (b"schema = \xff", "cluster.toml:1: is not UTF-8 text (byte 10 of the line)", "not-utf8"),
        (
            b"\xef\xbb\xbf# \xc3\xa4\r\nx = \xff",
            "cluster.toml:2: is not UTF-8 text (byte 5 of ",
            "not-utf8",
        ),
        (b"", "cluster.toml:1: cluster: is missing", "key-missing"),
        (b"x = " + b"[" * 5000, "cluster.toml: nests tables or arrays too deeply", "too-deep"),
        (
            b"x = " + b"[" * 450 + b"]" * 450,
            "cluster.toml: nests tables or arrays too deeply",
            "too-deep",
        ),
        (b"x." * 1000 + b"x = 1", "cluster.toml: nests tables or arrays too deeply", "too-deep"),
        (
            b"x = " + b"9" * 5000,
            "cluster.toml: has a number that is too long to be read",
            "number-too-long",
        ),
    ],
)
def test_what_is_not_a_description_is_refused(
    content: bytes, expected: str, code: str, tmp_path: Path
) -> None:
    """Text that is not TOML, not UTF-8, or empty gets a message, not a traceback."""
    assert mistakes_of(content, tmp_path)[0].startswith(expected)
    assert codes_of(content, tmp_path)[0] == code


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("224.0.0.18", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("0.0.0.0", "the unspecified address"),  # noqa: S104
        ("::", "the unspecified address"),
        ("127.0.0.1", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:198.51.100.1", "an IPv4 address written as IPv6"),
        ("255.255.255.255", "the broadcast address"),
    ],
)
@pytest.mark.parametrize(
    ("old", "key"),
    [("198.51.100.100", "services.shop.address.ip"), ("198.51.100.13", "nodes.node3.links[0]")],
)
def test_an_address_that_cannot_work_is_refused(
    address: str, what: str, old: str, key: str, tmp_path: Path
) -> None:
    """Neither a link nor a floating address can be one that no interface can share."""
    (found,) = mistakes_of(EXAMPLE.read_text().replace(old, address), tmp_path)
    assert f" {key}: {address} is {what}" in found


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ('"198.51.100.0"\nprefix = 24', False),
        ('"198.51.100.255"\nprefix = 24', False),
        ('"198.51.100.127"\nprefix = 25', False),
        ('"198.51.100.255"', True),
        ('"198.51.100.0"\nprefix = 31', True),
        ('"198.51.100.0"\nprefix = 32', True),
        ('"2001:db8::"\nprefix = 64', True),
    ],
)
def test_the_ends_of_a_network_are_not_addresses(address: str, right: bool, tmp_path: Path) -> None:
    """The first and the last are the network's own, but for /31 (RFC 3021), /32 and IPv6."""
    text = EXAMPLE.read_text().replace('"198.51.100.100"\nprefix = 24', address)
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    if right:
        assert read_description(file)
    else:
        (found,) = mistakes_of(text, tmp_path)
        assert " services.shop.address.ip: " in found


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("pass", True),
        ("ipmi_pass", True),
        ("snmp_priv_passwd", True),
        ("private_key", True),
        ("PASSWORD", True),
        ("passwd_script", False),
        ("identity_file", False),
        ("bypass", False),
    ],
)
def test_secrets_are_known_by_their_names(
    key: str, secret: bool, described: Describe, tmp_path: Path
) -> None:
    """A parameter that holds a secret is refused; one that names a script or file is the cure."""
    if secret:
        text = EXAMPLE.read_text().replace("password_script", key)
        (found,) = mistakes_of(text, tmp_path)
        assert f" fencing.power.parameters.{key}: a secret must not be in the description" in found
    else:
        assert key in described(("password_script", key)).fencing["power"].parameters


def test_an_argument_may_be_empty(described: Describe) -> None:
    """Programs tell an empty argument from none; only the program itself must be there."""
    (app,) = described(('"-D", ', '"-D", "", ')).services["shop"].app
    assert app.command == ["/usr/lib/postgresql/15/bin/postgres", "-D", "", "/srv/shop/data"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Windows editors begin UTF-8 files with one; lines are counted all the same."""
    file = tmp_path / "cluster.toml"
    file.write_text(EXAMPLE.read_text(), encoding="utf-8-sig")
    assert read_description(file) == read_description(EXAMPLE)


@pytest.mark.parametrize(
    ("name", "expected"), [("absent.toml", "there is no such file"), (".", "is a directory")]
)
def test_a_file_that_cannot_be_read_is_named(name: str, expected: str, tmp_path: Path) -> None:
    """A missing file and a directory are reported by name."""
    with pytest.raises(DescriptionError, match=expected) as caught:
        read_description(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


def test_several_parts_of_a_kind_have_names(described: Describe, tmp_path: Path) -> None:
    """A service may have two addresses when each has a name, and not otherwise."""
    second = '\n[[services.shop.address]]\nip = "2001:db8::100"\n{}\n'
    array = ("[services.shop.address]", "[[services.shop.address]]\n{}")
    named = [array[0], array[1].format('name = "four"')]
    service = described((named[0], named[1]), more=second.format('name = "six"')).services["shop"]
    assert [part.name for _, part in service.parts()] == [None, None, "four", "six"]

    text = EXAMPLE.read_text().replace(array[0], array[1].format("")) + second.format("")
    found = mistakes_of(text, tmp_path)
    assert [message.split(": ")[1] for message in found] == [
        "services.shop.address[0]",
        "services.shop.address[1]",
    ]


def test_two_services_do_not_share_a_disk_or_a_mount_point(tmp_path: Path) -> None:
    """The same LUN or mount point in two services would be two nodes on one filesystem."""
    text = EXAMPLE.read_text() + (
        '\n[services.copy]\npattern = "standby"\nnodes = ["node1"]\n[services.copy.filesystem]\n'
        'portal = "203.0.113.129"\ntarget = "iqn.2026-11.example.com:shop"\nlun = 1\n'
        'directory = "/srv/shop/"\n'
    )
    found = [message.split(": ", 1)[1] for message in mistakes_of(text, tmp_path)]
    assert found == [
        "services.copy.filesystem.lun: LUN 1 of iqn.2026-11.example.com:shop is already used by "
        "services.shop (each is used once)",
        "services.copy.filesystem.directory: /srv/shop is already used by services.shop "
        "(each is used once)",
    ]


def test_names_that_make_the_same_id_are_refused(tmp_path: Path) -> None:
    """A service called as another's part would have that part's ID."""
    text = EXAMPLE.read_text() + (
        '\n[services.shop-app]\npattern = "standby"\nnodes = ["node1"]\n'
        '[services.shop-app.address]\nip = "198.51.100.101"\n'
    )
    assert mistakes_of(text, tmp_path)[0].split(": ", 1)[1] == (
        "services.shop-app: its ID 'shop-app' in the CIB is also that of services.shop "
        "(rename one of them)"
    )

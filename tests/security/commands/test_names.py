"""What `check` takes, the renderer, pcs, Pacemaker's schema and the agents take, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cib_templates.cib.text import parse, parse_cib, to_text
from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

SHOP = EXAMPLE.read_text()
LONG = "a" * 190
REFUSED = [
    ("an option for a cluster's name", 'name = "shop"', 'name = "--force"', "cluster.name"),
    ("another one", 'name = "shop"', 'name = "-"', "cluster.name"),
    ("an option for a node", "[nodes.node1]", '[nodes."--force"]', "nodes"),
    ("an option for a service", "[services.shop]", '[services."--force"]', "services"),
    (
        "a control character in an agent",
        "command = [",
        'agent = "systemd:\\u0001"\ncommand = [',
        "agent",
    ),
    (
        "an agent above its folder",
        "command = [",
        'agent = "ocf:heartbeat:../x"\ncommand = [',
        "agent",
    ),
    ("an option for an agent", "command = [", 'agent = "systemd:--now"\ncommand = [', "agent"),
    (
        "an interface with a control character",
        "prefix = 24",
        'prefix = 24\ninterface = "e\\u0007"',
        "interface",
    ),
    (
        "an interface that turns the text",
        "prefix = 24",
        'prefix = 24\ninterface = "e\\u202e"',
        "interface",
    ),
    ("a value with C1", 'user = "postgres"', 'user = "a\\u009b"', "user"),
    (
        "full-width digits in a port",
        'health = "command',
        'health = "tcp:h:\\uff18\\uff10" # ',
        "health",
    ),
    (
        "a relative file",
        'user = "postgres"',
        'user = "x"\nenvironment_file = "etc/shop"',
        "environment_file",
    ),
    ("an ID that is too long", "[services.shop", f"[services.{LONG}", "services"),
    (
        "an ID of another part",
        'user = "postgres"',
        'user = "x"\nid = "shop-address"',
        "services.shop",
    ),
    (
        "an ID of a set of parameters",
        'user = "postgres"',
        'user = "x"\nid = "shop-meta_attributes"',
        "services.shop",
    ),
]


@pytest.mark.parametrize(("old", "new", "path"), [each[1:] for each in REFUSED])
def test_check_refuses(
    *, old: str, new: str, path: str, takeover: Takeover, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It is a finding at its place, before anything is done."""
    assert old in SHOP
    file = tmp_path / "cluster.toml"
    file.write_text(SHOP.replace(old, new))
    for command in (("check",), ("render",), ("apply",), ("cluster", "create")):
        assert takeover(*command, file) == 2
        assert path in capsys.readouterr().err


FRAGMENTS = [
    "<!DOCTYPE acls [<!ENTITY x 'y'>]><acls><acl_role id='a' description='&x;'/></acls>",
    "<!DOCTYPE acls SYSTEM 'file:///etc/passwd'><acls><acl_role id='a'/></acls>",
    "<acls><acl_role id='a'/>&undefined;</acls>",
    "<acls>" + "<x>" * 300 + "</x>" * 300 + "</acls>",
]


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_with_entities_is_refused(
    fragment: str, takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CIB has none."""
    (tmp_path / "more.xml").write_text(fragment)
    file = tmp_path / "cluster.toml"
    file.write_text(f'{SHOP}\n[[fragments]]\nfile = "more.xml"\n')
    assert takeover("check", file, "--json") == 2
    [mistake] = json.loads(capsys.readouterr().out)["mistakes"]
    assert mistake["code"] == "fragment-unusable"


def test_a_fragment_with_comments_is_rendered(
    takeover: Takeover, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without them."""
    (tmp_path / "more.xml").write_text("<?x?><acls><!-- c --><?p?><acl_role id='a'/></acls>")
    file = tmp_path / "cluster.toml"
    file.write_text(f'{SHOP}\n[[fragments]]\nfile = "more.xml"\n')
    assert takeover("check", file) == 0
    assert takeover("render", file) == 0
    assert '<acl_role id="a"/>' in capsys.readouterr().out


def test_an_amount_that_is_none_is_told_on_import(
    takeover: Takeover, cluster: Cluster, live: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the place where it is; it stays as it is, for no description can have it."""
    amount = '<utilization id="u"><nvpair id="u-m" name="memory" value="abc"/></utilization>'
    root = parse_cib(live)
    [node, *_] = root.iter("node")
    node.append(parse(amount))
    cluster.state, cluster.cib = "running", to_text(root)
    assert takeover("import") == 0
    told, _, described = capsys.readouterr().out.partition("\n\n")
    assert "node node1, utilization memory abc: not in the description; it stays as it is" in told
    assert "utilization" not in described

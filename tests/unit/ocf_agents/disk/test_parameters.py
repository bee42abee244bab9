"""The filesystem agent's parameters: a drop-in for ocf:heartbeat:Filesystem, and its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from ocf_agents.disk.busy import spared
from ocf_agents.disk.holders import Holder
from ocf_agents.filesystem import Filesystem
from ocf_agents.install.metadata import metadata
from ocf_agents.runtime.agent import Code
from tests.unit.ocf_agents.conftest import Act

STOCK = (
    *("device", "directory", "fstype", "options", "statusfile_prefix", "run_fsck", "fast_stop"),
    *("force_clones", "force_unmount"),
)
GIVEN = {"device": "/dev/null", "directory": "/srv/shop", "fstype": "ext4"}
CLONE = {"OCF_RESKEY_CRM_meta_clone": "0"}
Programs = Callable[[str, str], Path]


def test_every_parameter_of_the_stock_agent_is_there_with_its_default() -> None:
    """An existing resource is switched by changing its provider and type alone."""
    ours = {parameter.name: parameter for parameter in Filesystem.parameters()}
    assert set(STOCK) <= set(ours)
    defaults = {"run_fsck": "auto", "fast_stop": "false", "force_clones": "false"}
    defaults |= {"force_unmount": "true", "statusfile_prefix": ".Filesystem_status/"}
    assert {name: ours[name].default for name in defaults} == defaults


@pytest.mark.parametrize(
    "values",
    [
        {"run_fsck": "force", "fast_stop": "no", "force_unmount": "safe"},
        {"run_fsck": "no", "fast_stop": "YES", "force_unmount": "True"},
        {"force_unmount": "0", "term_signals": "TERM INT", "signal_delay": "1", "nonsense": "x"},
        {"options": "bind,ro", "fstype": "none", "device": "/a/folder"},
        {"device": "-U 0a-1b"},
        {"device": "nas:/export", "fstype": "nfs4"},
    ],
)
def test_values_of_the_stock_agent_are_accepted(act: Act, values: dict[str, str]) -> None:
    """Its words for true and false, and parameters of newer versions, which change nothing."""
    outcome = act(Filesystem, "validate-all", **{**GIVEN, **values})
    assert (outcome.code, outcome.reason) == (Code.SUCCESS, "")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"run_fsck": "maybe"}, "run_fsck=maybe is not one of auto, force, no"),
        ({"force_unmount": "move"}, "force_unmount=move is not one of true, safe, false"),
        ({"fast_stop": "sometimes"}, "fast_stop=sometimes is not true or false"),
        ({"chap_user": "fred"}, "chap_user and chap_secret_file belong together"),
        (
            {"chap_user": "fred", "chap_secret_file": "/etc/secret"},
            "chap_user is for a target that iscsiadm logs in to",
        ),
        ({"reservation_key": "123456789"}, "is not 1 to 8 hexadecimal digits"),
        ({"reservation_key": "xyz"}, "is not 1 to 8 hexadecimal digits"),
        ({"reservation": "true", "options": "bind"}, "reservation=true needs a SCSI disk"),
        ({"mmp": "perhaps"}, "mmp=perhaps is not one of ignore, warn, require"),
    ],
)
def test_wrong_values_are_explained(act: Act, values: dict[str, str], reason: str) -> None:
    """What is wrong on every node is exit 6."""
    outcome = act(Filesystem, "validate-all", **{**GIVEN, **values})
    assert outcome.code == Code.ERR_CONFIGURED
    assert reason in outcome.reason


@pytest.mark.parametrize("fstype", ["", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "vfat"])
def test_what_two_nodes_would_destroy_is_no_clone(act: Act, fstype: str) -> None:
    """Refused outright, read-only too (a journal is replayed); force_clones is for local disks."""
    given = {**GIVEN, "fstype": fstype}
    for options in ("", "ro", "errors=remount-ro"):
        outcome = act(Filesystem, "validate-all", **given, options=options, environ=CLONE)
        assert outcome.code == Code.ERR_CONFIGURED
        assert "must not be cloned" in outcome.kept
    forced = act(Filesystem, "validate-all", **given, force_clones="true", environ=CLONE)
    assert forced.code == Code.SUCCESS


@pytest.mark.parametrize("fstype", ["nfs", "nfs4", "cifs", "gfs2", "ocfs2", "ceph", "none"])
def test_what_is_made_for_several_nodes_may_be_cloned(act: Act, fstype: str) -> None:
    """Network and cluster filesystems, and bind mounts of them."""
    given = {**GIVEN, "fstype": fstype}
    assert act(Filesystem, "validate-all", **given, environ=CLONE).code == Code.SUCCESS
    bind = {**GIVEN, "fstype": "", "options": "bind"}
    assert act(Filesystem, "validate-all", **bind, environ=CLONE).code == Code.SUCCESS


def test_there_is_a_monitor_for_each_level() -> None:
    """Depth 0, 10 and 20 with different intervals (else Pacemaker refuses them)."""
    root = etree.fromstring(metadata(Filesystem).encode())
    monitors = root.findall("actions/action[@name='monitor']")
    assert [m.get("depth") for m in monitors] == ["0", "10", "20"]
    assert len({m.get("interval") for m in monitors}) == 3


def test_what_a_reload_takes_over_is_marked() -> None:
    """Options are remounted; the others are read when they are needed."""
    reloadable = {p.name for p in Filesystem.parameters() if p.reloadable}
    assert reloadable == {
        *("options", "run_fsck", "fast_stop", "force_unmount", "statusfile_prefix", "mmp"),
        "watch",
    }


def test_this_host_is_asked_for_what_is_needed(act: Act, programs: Programs) -> None:
    """sg_persist, iscsiadm and the secret's file are looked for at level 10."""
    level = {"OCF_CHECK_LEVEL": "10"}
    programs("mount", "")
    outcome = act(Filesystem, "validate-all", **GIVEN, reservation="true", environ=level)
    assert (outcome.code, "sg_persist" in outcome.reason) == (Code.ERR_INSTALLED, True)
    programs("iscsiadm", "")
    lun = {"portal": "198.51.100.1", "target": "iqn.example:x", "directory": "/srv/shop"}
    chap = {"chap_user": "fred", "chap_secret_file": "/nowhere/secret"}
    outcome = act(Filesystem, "validate-all", **lun, **chap, environ=level)
    assert outcome.code == Code.ERR_ARGS
    assert "chap_secret_file=/nowhere/secret: No such file" in outcome.reason


def test_the_clusters_services_are_known_by_their_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes of pcsd's service, whatever their names (pcs#197); the resources' are not."""
    monkeypatch.setattr(spared, "PROC", str(tmp_path))
    units = {
        "pcsd.service": True,
        "pcsd-ruby.service": True,
        "corosync.service": True,
        "booth@site.service": True,
        "pacemaker.service": False,
        "postgresql.service": False,
        "pcsd-user.slice/other.scope": False,
    }
    pid = 2_000_000_000
    (tmp_path / str(pid)).mkdir()
    status = tmp_path / str(pid) / "status"
    status.write_text("Uid:\t0\t0\t0\t0\n")
    for unit, untouchable in units.items():
        (tmp_path / str(pid) / "cgroup").write_text(f"0::/system.slice/{unit}\n")
        assert Holder(pid, "ruby").untouchable is untouchable, unit
    # What a user calls so is below the service of that user; and no user is in the system's.
    users = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pcsd-x.service\n"
    (tmp_path / str(pid) / "cgroup").write_text(users)
    assert not Holder(pid, "ruby").untouchable
    status.write_text("Uid:\t1000\t1000\t1000\t1000\n")
    (tmp_path / str(pid) / "cgroup").write_text("0::/system.slice/pcsd.service\n")
    assert not Holder(pid, "ruby").untouchable

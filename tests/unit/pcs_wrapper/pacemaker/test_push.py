"""The push: only onto the version that was looked at, and never over an edit of the same object."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.errors import ChangedMeanwhile, ClusterError, PushUncertain
from pcs_wrapper.machine.runner import Result
from pcs_wrapper.pacemaker import cib
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.pcs_wrapper.conftest import EXAMPLE, PATCH, ExpectedCalls, Takeover

OLD = etree.fromstring(LIVE)
NEW = merge(OLD, read_description(EXAMPLE))
OTHERS = LIVE.replace('epoch="7"', 'epoch="9"').replace('score="100"', 'score="200"')
DIFF = ("crm_diff", "--original", "*", "--new", "*")
PATCHED = ("cibadmin", "--patch", "--xml-file", "*")


def versions(command: tuple[str, ...]) -> list[str]:
    """Return the versions that a patch is made for and makes."""
    patch = etree.parse(Path(command[3])).getroot()
    return [
        ".".join(str(version.get(name)) for name in ("admin_epoch", "epoch", "num_updates"))
        for version in patch.iterfind("version/*")
    ]


def test_a_patch_fits_only_the_live_version(runner: ExpectedCalls, takeover: Takeover) -> None:
    """Its source is the version that was just read: Pacemaker refuses it on any other."""
    seen: list[list[str]] = []
    runner.expect_push(OTHERS).effect = lambda command: seen.append(versions(command))
    assert cib.push(takeover.machine, OLD, NEW) == cib.Pushed(9, 10)
    assert seen == [["0.9.12", "0.10.0"]]


def test_a_version_that_has_passed_is_looked_at_again(
    runner: ExpectedCalls, takeover: Takeover
) -> None:
    """Something changed between the look and the push: another look, another push."""
    seen: list[list[str]] = []
    runner.expect_push(LIVE, exit_code=103)
    runner.expect("cibadmin", "--query", stdout=OTHERS)
    runner.expect(*PATCHED).effect = lambda command: seen.append(versions(command))
    assert cib.push(takeover.machine, OLD, NEW) == cib.Pushed(9, 10)
    assert seen == [["0.9.12", "0.10.0"]]


def test_a_cluster_that_never_rests_ends_it(runner: ExpectedCalls, takeover: Takeover) -> None:
    """After many versions it is given up, with nothing changed."""
    runner.expect_push(LIVE, exit_code=103)
    for _ in range(49):
        runner.expect("cibadmin", "--query", stdout=LIVE)
        runner.expect(*PATCHED, exit_code=103)
    with pytest.raises(ClusterError, match="50 times"):
        cib.push(takeover.machine, OLD, NEW)


def test_an_edit_of_the_same_object_is_kept(runner: ExpectedCalls, takeover: Takeover) -> None:
    """Somebody has changed what the push would change, too: nothing is pushed."""
    theirs = LIVE.replace(
        'name="stonith-enabled" value="false"', 'name="stonith-enabled" value="0"'
    )
    runner.expect(*DIFF, stdout=PATCH, exit_code=1)
    runner.expect("cibadmin", "--query", stdout=theirs)
    with pytest.raises(ChangedMeanwhile, match="cib-bootstrap-options-stonith-enabled"):
        cib.push(takeover.machine, OLD, NEW)


@pytest.mark.parametrize("result", [Result(124, "", "Timer expired"), TimeoutError])
def test_a_push_without_an_answer_is_uncertain(
    result: Result | type[TimeoutError], runner: ExpectedCalls, takeover: Takeover
) -> None:
    """It may have arrived: nobody says that nothing was changed; the next command compares."""
    runner.expect_push(LIVE).result = result
    with pytest.raises(PushUncertain, match="may be in the cluster or not") as raised:
        cib.push(takeover.machine, OLD, NEW)
    assert "Nothing was changed" not in str(raised.value)


def test_a_patch_of_another_format_is_refused(runner: ExpectedCalls, takeover: Takeover) -> None:
    """Without versions in it, nothing would hold a patch back."""
    runner.expect(*DIFF, stdout='<diff format="1"/>', exit_code=1)
    runner.expect("cibadmin", "--query", stdout=LIVE)
    with pytest.raises(ClusterError, match="format 2"):
        cib.push(takeover.machine, OLD, NEW)

"""The push: only onto the version that was looked at, and never over an edit of the same object."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from pcs_wrapper.errors import ChangedMeanwhile, ClusterError, PushUncertain
from pcs_wrapper.pacemaker import cib
from tests.unit.cib_templates.conftest import LIVE
from tests.unit.fakes.cluster import Cluster
from tests.unit.fakes.programs import PUSH, configuration
from tests.unit.pcs_wrapper.conftest import EXAMPLE, Takeover

OLD = etree.fromstring(LIVE)
NEW = merge(OLD, read_description(EXAMPLE))
OTHERS = LIVE.replace('epoch="7"', 'epoch="9"').replace('score="100"', 'score="200"')


@pytest.fixture
def live(cluster: Cluster) -> Cluster:
    """Return a cluster that has the CIB that the change was made from."""
    cluster.state, cluster.cib = "cluster-only", LIVE
    return cluster


def test_a_patch_fits_only_the_live_version(live: Cluster, takeover: Takeover) -> None:
    """Its source is the version that was just read: Pacemaker refuses it on any other."""
    live.cib = OTHERS
    assert cib.push(takeover.machine, OLD, NEW) == cib.Pushed(9, 10)
    [pushed] = live.pushes
    assert (pushed.source, pushed.target) == ("0.9.12", "0.10.0")
    assert 'score="200"' in live.cib


def test_a_version_that_has_passed_is_looked_at_again(live: Cluster, takeover: Takeover) -> None:
    """Something changed between the look and the push: another look, another push.

    pcs#243, pcs#241: a CIB that was made by a program is not rejected as "older".
    """

    def others() -> None:
        live.cib = OTHERS

    live.when(PUSH, before=others)
    assert cib.push(takeover.machine, OLD, NEW) == cib.Pushed(9, 10)
    assert live.writes == [PUSH, PUSH]
    [pushed] = live.pushes
    assert (pushed.source, pushed.target) == ("0.9.12", "0.10.0")
    assert 'score="200"' in live.cib


def test_a_cluster_that_never_rests_ends_it(live: Cluster, takeover: Takeover) -> None:
    """After many versions it is given up, with nothing changed."""
    for _ in range(50):
        live.when(PUSH, before=lambda: live.edit('id="printer"', 'id="printer"'))
    with pytest.raises(ClusterError, match="50 times"):
        cib.push(takeover.machine, OLD, NEW)
    assert live.writes == [PUSH] * 50
    assert live.reads["cibadmin"] == 50
    assert configuration(live.cib) == configuration(LIVE)


def test_an_edit_of_the_same_object_is_kept(live: Cluster, takeover: Takeover) -> None:
    """crmsh#1201, crmsh#461: what somebody has changed, too, is not pushed over."""
    live.edit('name="stonith-enabled" value="false"', 'name="stonith-enabled" value="0"')
    theirs = live.cib
    with pytest.raises(ChangedMeanwhile, match="cib-bootstrap-options-stonith-enabled"):
        cib.push(takeover.machine, OLD, NEW)
    assert live.writes == []
    assert live.cib == theirs


def test_an_edit_of_the_same_object_just_before_the_push_is_kept(
    live: Cluster, takeover: Takeover
) -> None:
    """Between the look and the push, too: Pacemaker refuses the patch, and another look tells."""
    old, new = ('name="stonith-enabled" value="false"', 'name="stonith-enabled" value="0"')
    live.when(PUSH, before=lambda: live.edit(old, new))
    with pytest.raises(ChangedMeanwhile, match="cib-bootstrap-options-stonith-enabled"):
        cib.push(takeover.machine, OLD, NEW)
    assert live.writes == [PUSH]
    assert configuration(live.cib) == configuration(LIVE.replace(old, new))


@pytest.mark.parametrize("arrives", [False, True])
@pytest.mark.parametrize("answer", [{"exit_code": 124, "stderr": "Timer expired"}, {"hangs": True}])
def test_a_push_without_an_answer_is_uncertain(
    *, answer: dict[str, Any], arrives: bool, live: Cluster, takeover: Takeover
) -> None:
    """It may have arrived: nobody says that nothing was changed; the next command compares."""
    live.when(PUSH, **answer, arrives=arrives)
    with pytest.raises(PushUncertain, match="may be in the cluster or not") as raised:
        cib.push(takeover.machine, OLD, NEW)
    assert "Nothing was changed" not in str(raised.value)
    assert live.writes == [PUSH]


def test_a_patch_of_another_format_is_refused(live: Cluster, takeover: Takeover) -> None:
    """Without versions in it, nothing would hold a patch back."""
    live.when("crm_diff", stdout='<diff format="1"/>', exit_code=1)
    with pytest.raises(ClusterError, match="format 2"):
        cib.push(takeover.machine, OLD, NEW)
    assert live.writes == []

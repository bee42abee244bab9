"""Pacemaker's patch sets: what they say, and what becomes of a CIB that is otherwise by then."""

from __future__ import annotations

import pytest
from lxml import etree

from cib_templates.merging.merge import merge
from cib_templates.reading.reading import read_description
from tests.unit.cib_templates.conftest import EXAMPLE, LIVE
from tests.unit.fakes.patchset import DoesNotFit, difference, patched
from tests.unit.fakes.programs import configuration

OLD = "<cib epoch='7'><configuration><resources>{}</resources></configuration></cib>"


def cib(resources: str) -> etree._Element:
    """Return a CIB that has these resources."""
    return etree.fromstring(OLD.format(resources))


def patch(old: str, new: str) -> etree._Element:
    """Return the patch set that makes some resources of others."""
    made = difference(cib(old), cib(new))
    assert made is not None
    return made


def after(live: str, change: etree._Element) -> str:
    """Return the resources that a patch set makes of others."""
    resources = patched(cib(live), change).find("configuration/resources")
    assert resources is not None
    return "".join(etree.tostring(each, encoding="unicode") for each in resources)


A, B, C = ('<primitive id="a"/>', '<primitive id="b"/>', '<primitive id="c"/>')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (A, A + B),
        (A + B, B),
        (A + B + C, C + A + B),
        (A + B + C, C + B + A),
        (A, '<group id="g"><primitive id="a"/></group>'),
        (A, '<primitive id="a" type="x"/>'),
        ('<primitive id="a" type="x"/>', A),
        (B + A, A + '<primitive id="b"><meta_attributes id="m"/></primitive>' + C),
    ],
)
def test_a_patch_set_makes_one_of_the_other(old: str, new: str) -> None:
    """Created, deleted, moved and changed; and back again."""
    assert after(old, patch(old, new)) == new
    assert after(new, patch(new, old)) == old


def test_a_whole_description_comes_and_goes() -> None:
    """What Takeover makes of a live CIB is made by its patch set, and taken out by the other."""
    old = etree.fromstring(LIVE)
    new = merge(old, read_description(EXAMPLE))
    there, back = difference(old, new), difference(new, old)
    assert there is not None
    assert back is not None
    assert configuration(patched(old, there)) == configuration(new)
    assert configuration(patched(new, back)) == configuration(old)


def test_what_others_have_changed_stays() -> None:
    """Only what the patch set names is touched, and a changed object gets all its attributes."""
    change = patch(A + B, A + '<primitive id="b" type="x"/>')
    assert after(C + A + '<primitive id="b" class="y"/>', change) == (
        C + A + '<primitive id="b" type="x"/>'
    )


def test_what_is_gone_may_be_deleted_but_not_changed() -> None:
    """As in Pacemaker."""
    assert after(A, patch(A + B, A)) == A
    with pytest.raises(DoesNotFit, match=r"primitive\[@id='b'\]"):
        after(A, patch(B, '<primitive id="b" type="x"/>'))


def test_versions() -> None:
    """A patch set has the version it is for and the one it makes, and a CIB gets the latter."""
    new = cib(B)
    new.set("epoch", "9")
    change = difference(cib(A), new)
    assert change is not None
    assert [each.get("epoch") for each in change.iterfind("version/*")] == ["7", "9"]
    assert patched(cib(A), change).get("epoch") == "9"
    bare = difference(cib(A), new, with_versions=False)
    assert bare is not None
    assert bare.find("version") is None


def test_no_difference() -> None:
    """The versions alone are none."""
    same = cib(A)
    same.set("num_updates", "5")
    assert difference(cib(A), same) is None

"""What is wrong with a description's CIB fragments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from cib_templates.cib import ids
from cib_templates.findings import Finding, KeyPath, dotted, error
from cib_templates.model.cluster import Fragment
from cib_templates.rendering.fragments import SECTIONS, UnusableFragment, elements_of

FRAGMENT_NOT_ONE_SOURCE = error(
    "fragment-not-one-source", "A fragment has neither a file nor xml, or it has both."
)
FRAGMENT_UNUSABLE = error(
    "fragment-unusable",
    "A fragment is no XML, no section of a CIB that may be added to, or has an element without ID.",
)
FRAGMENT_EMPTY = error("fragment-empty", "A fragment adds nothing to the CIB.")
FRAGMENT_ID_TAKEN = error(
    "fragment-id-taken", "An element of a fragment has an ID that something else has, too."
)


def check_fragments(fragments: Iterable[Fragment], owners: dict[str, KeyPath]) -> Iterator[Finding]:
    """Find what is wrong with fragments.

    Args:
        fragments: The fragments, with the texts of their files in place of these.
        owners: For each ID that is used already, the path of its table; it is added to.
    """
    for index, fragment in enumerate(fragments):
        path: KeyPath = ("fragments", index)
        if fragment.xml is None and fragment.file is not None:
            continue  # the file could not be read, which is a finding already
        if fragment.file is not None or fragment.xml is None:
            yield FRAGMENT_NOT_ONE_SOURCE.at(
                path, "needs a file or xml, and not both", 'file = "acls.xml"'
            )
            continue
        try:
            found = list(elements_of(fragment))
        except UnusableFragment as problem:
            hint = f"one of {', '.join(SECTIONS)}, or <configuration> around several"
            yield FRAGMENT_UNUSABLE.at(path, str(problem), hint)
            continue
        if not found:
            yield FRAGMENT_EMPTY.at(path, "is empty", "leave it out")
        for identity in _ids(element for _, element in found):
            if identity in owners or identity == ids.FRAGMENTS:
                owner = dotted(owners.get(identity, ("Takeover",)))
                yield FRAGMENT_ID_TAKEN.at(
                    path, f"its ID {identity!r} is also that of {owner}", "choose another ID"
                )
            owners[identity] = path


def _ids(elements: Iterable[etree._Element]) -> Iterator[str]:
    for element in elements:
        for inner in element.iter(etree.Element):
            if inner.tag not in ids.REFERENCES and (identity := inner.get("id")):
                yield identity

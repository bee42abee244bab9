"""What is wrong with a description's CIB fragments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lxml import etree

from cib_templates.cib import ids
from cib_templates.findings import Contradiction, KeyPath
from cib_templates.model.cluster import Fragment
from cib_templates.rendering.fragments import SECTIONS, UnusableFragment, elements_of


def fragment_mistakes(
    fragments: Iterable[Fragment], owners: dict[str, KeyPath]
) -> Iterator[Contradiction]:
    """Find what is wrong with fragments.

    Args:
        fragments: The fragments, with the texts of their files in place of these.
        owners: For each ID that is used already, the path of its table; it is added to.
    """
    for index, fragment in enumerate(fragments):
        path: KeyPath = ("fragments", index)
        if fragment.xml is None and fragment.file is not None:
            continue  # could not be read, and that is told
        if fragment.file is not None or fragment.xml is None:
            yield Contradiction(path, "needs a file or xml, and not both", 'file = "acls.xml"')
            continue
        try:
            found = list(elements_of(fragment))
        except UnusableFragment as problem:
            hint = f"one of {', '.join(SECTIONS)}, or <configuration> around several"
            yield Contradiction(path, str(problem), hint)
            continue
        if not found:
            yield Contradiction(path, "is empty", "leave it out")
        for identity in _ids(element for _, element in found):
            if identity in owners or identity == ids.FRAGMENTS:
                owner = owners.get(identity, ("Takeover",))
                yield Contradiction(
                    path,
                    f"its ID {identity!r} is also that of {'.'.join(map(str, owner))}",
                    "choose another ID",
                )
            owners[identity] = path


def _ids(elements: Iterable[etree._Element]) -> Iterator[str]:
    references = ("resource_ref", "obj_ref", "role")
    for element in elements:
        for inner in element.iter(etree.Element):
            if inner.tag not in references and (identity := inner.get("id")):
                yield identity

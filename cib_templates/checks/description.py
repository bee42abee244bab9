"""Everything that is wrong with a description whose every value is right by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from cib_templates.checks.cluster import check_cluster
from cib_templates.checks.duplicates import check_duplicates, check_ids
from cib_templates.checks.fencing import check_fencing
from cib_templates.checks.fragments import check_fragments
from cib_templates.checks.nodes import check_nodes
from cib_templates.checks.parts import check_parts
from cib_templates.checks.relations import check_relations
from cib_templates.findings import Finding, KeyPath
from cib_templates.model.description import Description


def check_description(
    description: Description,
    *,
    nodes: Collection[str],
    services: Collection[str],
    fencing_is_complete: bool,
) -> Iterator[Finding]:
    """Find everything that does not fit together.

    Args:
        description: What could be read of the description.
        nodes: Names of all nodes that are written, also of those that could not be read.
        services: Names of all services that are written, also of those that could not be read.
        fencing_is_complete: Whether all fencing devices could be read.
    """
    yield from check_nodes(description, nodes)
    yield from check_fencing(description, is_complete=fencing_is_complete)
    yield from check_cluster(description)
    for name, service in description.services.items():
        yield from check_parts(("services", name), service)
    yield from check_relations(description, services=services)
    yield from check_duplicates(description)
    owners: dict[str, KeyPath] = {}
    yield from check_ids(description, owners)
    yield from check_fragments(description.fragments, owners)

"""What `check` accepts, the agents accept: code 6 of an agent stops a service in the whole cluster.

`TAKEOVER_EXAMPLES` sets how many descriptions are tried.
"""

from __future__ import annotations

from hypothesis import event, given, settings

from cib_templates.rendering.render import render
from tests.properties.documents import Document, odd_documents
from tests.properties.reading import accepted
from tests.properties.test_descriptions import TRIED
from tests.unit.cib_templates.checks.test_agents import refusals


@settings(TRIED)
@given(document=odd_documents())
def test_what_is_accepted_is_accepted_by_the_agents(document: Document) -> None:
    """validate-all at level 0 of every resource, with its parameters, as a clone if it is one."""
    cib = render(accepted(document))
    event(f"{len(cib.findall('.//primitive[@provider]'))} resources")
    assert refusals(cib) == []

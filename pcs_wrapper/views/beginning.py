"""The beginning of a cluster, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.beginning.finding.found import Found
    from pcs_wrapper.beginning.proposal import Proposal
    from pcs_wrapper.beginning.writing import Draft


def written_text(file: Path, proposal: Proposal) -> Iterator[str]:
    """Yield the lines that say what was written, and what comes next."""
    service = proposal.service.name if proposal.service else "none yet"
    yield f"{file}: written. Cluster {proposal.name}; nodes: {', '.join(proposal.nodes)}; " + (
        f"services: {service}"
    )
    yield "read it, and change what is not so. When the nodes are prepared (docs/installing.md):"
    yield f"  takeover check {file}"
    yield f"  takeover cluster create {file}"
    if proposal.service:
        yield f"  takeover apply {file}"


def init_json(file: Path, draft: Draft, found: Found, *, written: bool) -> str:
    """Return a description, and what was found for it, as JSON."""
    from pcs_wrapper.views.contract import beginning as contract

    return output_json(
        contract.Init(
            file=str(file),
            written=written,
            description=draft.text,
            warnings=finding_records(draft.warnings),
            found=contract.Found(
                host=found.host,
                links=[
                    contract.FoundLink(
                        interface=each.interface,
                        address=each.address,
                        network=each.network,
                        leased=each.is_leased,
                    )
                    for each in found.links
                ],
                disks=[
                    contract.FoundDisk(
                        path=each.path,
                        kernel=each.kernel,
                        size=each.size,
                        filesystem=each.filesystem,
                        about=each.about,
                        shared=each.is_shared,
                    )
                    for each in found.disks
                ],
                luns=[contract.FoundLun(**asdict(each)) for each in found.luns],
                watchdogs=[
                    contract.FoundWatchdog(
                        path=each.path, identity=each.identity, software=each.is_software
                    )
                    for each in found.watchdogs
                ],
                fence_agents=found.fence_agents,
                fence_agent=found.fence_agent,
                fence_agent_why=found.fence_agent_why,
                units=[contract.FoundUnit(**asdict(each)) for each in found.units],
            ),
        )
    )

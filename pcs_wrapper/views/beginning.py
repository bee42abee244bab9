"""The beginning of a cluster, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.beginning.finding.found import Found
    from pcs_wrapper.beginning.preparing import Preparation
    from pcs_wrapper.beginning.proposal import Proposal
    from pcs_wrapper.beginning.writing import Draft
    from pcs_wrapper.change.steps.step import Step


def written_text(file: Path, proposal: Proposal) -> Iterator[str]:
    """Yield the lines that say what was written, and what comes next."""
    service = proposal.service.name if proposal.service else "none yet"
    yield f"{file}: written. Cluster {proposal.name}; nodes: {', '.join(proposal.nodes)}; " + (
        f"services: {service}"
    )
    yield "read it, and change what is not so. When the nodes are prepared (docs/installing.md):"
    yield f"  takeover check {file}"
    if proposal.service and "filesystem" in proposal.service.parts:
        yield f"  takeover service prepare {service} {file} -- COMMAND   # if its disk is empty"
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


def prepared_text(prepared: Preparation) -> Iterator[str]:
    """Yield the line that says what is on a service's disk now."""
    made = f", with what `{prepared.command[0]}` has made in it" if prepared.command else ""
    yield (
        f"{prepared.service}: {prepared.disk} has a new {prepared.kind} that belongs to "
        f"{prepared.owner}{made}. It is not mounted: the cluster does that"
    )


def prepared_json(prepared: Preparation, device: str, steps: Sequence[Step]) -> str:
    """Return what is on a service's disk now, or what would be done to it, as JSON."""
    from pcs_wrapper.views.change.changes import step_record
    from pcs_wrapper.views.contract import beginning as contract

    return output_json(
        contract.Prepared(
            service=prepared.service,
            disk=prepared.disk,
            device=device,
            filesystem=prepared.kind,
            directory=prepared.filesystem.directory,
            owner=prepared.owner,
            command=list(prepared.command),
            steps=[step_record(step) for step in steps],
        )
    )

"""Who decides in the cluster and what may be lost, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pcs_wrapper.health.losses import Loss, Quorum
from pcs_wrapper.health.quorum import may_be_lost, votes_text
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.pacemaker.certificates import Certificate
from pcs_wrapper.views.output import output_json
from pcs_wrapper.views.state import votes_record

# Of a certificate that ends soon, in days.
_SOON = 60


def quorum_text(found: Quorum, now: datetime) -> Iterator[str]:
    """Yield the lines that say who decides now, and what happens if something goes.

    Args:
        found: Who decides, and what may be lost.
        now: The time of day.
    """
    members = ", ".join(found.members)
    if found.has_quorum:
        yield f"{style('quorum', fg='green')}: {members} may decide"
    else:
        yield f"{_bad('no quorum')}: {members} may not decide"
    yield f"  votes: {votes_text(found.votes)}"
    if found.absent:
        yield f"  not there: {', '.join(found.absent)}"
    yield f"who may form the cluster: {found.who}"
    yield f"what may be lost now: {may_be_lost(found.votes)}"
    if found.has_quorum:
        yield "if it goes next, and nothing else changes:"
        width = max(len(_name(loss)) for loss in found.losses)
        for loss in found.losses:
            means = loss.means if loss.goes_on else _bad(loss.means)
            yield f"  {_name(loss):{width}}  {means} (votes left: {loss.left})"
    yield from found.settings
    for certificate in found.certificates or ():
        yield _certificate(certificate, now)
    if found.votes.witness is not None and not found.certificates:
        yield "certificates for the witness: not found on this node"


def _name(loss: Loss) -> str:
    return f"the witness {loss.what}".rstrip() if loss.is_witness else loss.what


def _certificate(certificate: Certificate, now: datetime) -> str:
    age, left = (now - certificate.begins).days, (certificate.ends - now).days
    until = f"valid until {certificate.ends:%Y-%m-%d}"
    if left < 0:
        until = _bad(f"NOT VALID since {certificate.ends:%Y-%m-%d}")
    elif left <= _SOON:
        until = _bad(f"valid for {left} days more, until {certificate.ends:%Y-%m-%d}")
    days = "1 day" if age == 1 else f"{age} days"
    return f"{certificate.name}: {days} old, {until}"


def quorum_json(found: Quorum) -> str:
    """Return who decides, and what may be lost, as JSON."""
    from pcs_wrapper.views.contract import quorum as contract

    certificates = None
    if found.certificates is not None:
        certificates = [
            contract.Certificate(
                name=each.name, made=each.begins.isoformat(), until=each.ends.isoformat()
            )
            for each in found.certificates
        ]
    return output_json(
        contract.Quorum(
            quorum=found.has_quorum,
            votes=votes_record(found.votes),
            members=found.members,
            absent=found.absent,
            who=found.who,
            losses=[
                contract.Loss(
                    what=loss.what,
                    witness=loss.is_witness,
                    left=loss.left,
                    goes_on=loss.goes_on,
                    means=loss.means,
                )
                for loss in found.losses
            ],
            settings=found.settings,
            certificates=certificates,
        )
    )


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)

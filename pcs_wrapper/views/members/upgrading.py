"""The upgrade of a node, as text for users and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pcs_wrapper.change.history.upgrade import Upgrade
from pcs_wrapper.change.steps.step import Step
from pcs_wrapper.machine.terminal import style
from pcs_wrapper.nodes.upgrading.upgrading import Done, Planned, what_of
from pcs_wrapper.views.change.changes import step_record
from pcs_wrapper.views.findings import finding_records
from pcs_wrapper.views.members.running import leaving_record, leaving_text, wait_record, wait_text
from pcs_wrapper.views.output import output_json

if TYPE_CHECKING:
    from pcs_wrapper.views.contract.members import upgrading as contract


def upgrade_text(planned: Planned) -> Iterator[str]:
    """Yield the lines that say beforehand what is upgraded, and what that does to whom."""
    upgrade = planned.upgrade
    what = what_of(upgrade.names, system=upgrade.system)
    if planned.is_begun:
        yield f"going on with {upgrade.text}"
    if not planned.is_anything:
        yield f"{upgrade.node}: there is nothing to upgrade ({what})"
        return
    yield f"{upgrade.node} is upgraded ({what}):"
    yield from (f"  {each.text}" for each in upgrade.packages)
    yield f"  {_reboot(planned)}"
    if not planned.is_begun:
        yield from _leaving(planned)
    yield from (f"{_bad('IN THE WAY')}: {finding}" for finding in planned.findings)


def _leaving(planned: Planned) -> Iterator[str]:
    """Yield what happens while the node is upgraded."""
    upgrade = planned.upgrade
    yield f"Meanwhile {upgrade.node} runs nothing:"
    yield from leaving_text(planned.leaving, indent="  ")
    if planned.is_last_old:
        yield (
            f"All other nodes have a newer Pacemaker. Once {upgrade.node} has left, it can join "
            "again only upgraded"
        )
    elif any(each.name == "pacemaker" for each in upgrade.packages):
        yield (
            "When all nodes have the new Pacemaker, there is no way back: a node with an older one "
            "can then not join any more"
        )


def _reboot(planned: Planned) -> str:
    needs = ", ".join(planned.need_reboot)
    if not needs:
        return "no reboot is needed"
    if planned.upgrade.reboot:
        return f"then it is rebooted, because of {needs}"
    return f"a reboot is needed because of {needs}: --reboot does it, while no service runs here"


def upgraded_text(done: Done) -> Iterator[str]:
    """Yield the lines that say what became of an upgrade."""
    turn, node = done.turn, done.turn.node
    if done.planned.is_anything:
        times = [
            f"{word} after {seconds:.1f} s"
            for word, seconds in (
                ("drained", turn.drained),
                ("stopped", turn.stopped),
                ("installed", turn.installed),
                ("back", turn.back),
                ("all well", turn.whole),
            )
            if seconds is not None
        ]
        yield f"{node}: {', '.join(times) or 'not upgraded'}"
        yield from (f"  {wait_text(wait)}" for wait in turn.waits)
    if turn.harm:
        yield from (f"  {_bad('HARM')}: {sentence}" for sentence in turn.harm)
        yield (
            "the upgrade ended here. When it is put right, takeover upgrade on this node goes on; "
            "to leave it: takeover upgrade --forget"
        )
        return
    if done.goes_on == "reboot":
        yield f"{node} is rebooting. Then run takeover upgrade on it again, which completes it"
        return
    if done.goes_on == "takeover":
        yield (
            "Takeover itself was upgraded. Run takeover upgrade again: the new version completes it"
        )
        return
    if done.need_reboot:
        yield (
            f"{node} still needs a reboot because of {', '.join(done.need_reboot)}: takeover node "
            f"pause {node}, reboot it, takeover node resume {node}"
        )
    yield from _mix(done)
    if done.left:
        more = _words(done.planned.upgrade)
        yield (
            f"not upgraded yet, as far as the history tells: {', '.join(done.left)}. Next, on "
            f"{done.left[0]}: {more}"
        )
    elif done.planned.is_anything:
        yield "all nodes are upgraded, and all is well"


def _mix(done: Done) -> Iterator[str]:
    """Yield whether the cluster may run as it is now."""
    sets: dict[str, list[str]] = {}
    for node, text in done.feature_sets.items():
        sets.setdefault(text, []).append(node)
    if len(sets) <= 1:
        return
    each = "; ".join(f"{text} on {', '.join(nodes)}" for text, nodes in sets.items())
    yield (
        f"Pacemaker's feature sets: {each}. The cluster may run like this while it is upgraded, "
        "and not for good: upgrade the other nodes soon"
    )


def _words(upgrade: Upgrade) -> str:
    options = ("--system",) if upgrade.system else upgrade.names
    return " ".join(("takeover", "upgrade", *options, *(("--reboot",) if upgrade.reboot else ())))


def forgotten_text(upgrade: Upgrade) -> str:
    """Return the line that says what was forgotten."""
    return (
        f"forgotten: {upgrade.text}. Nothing was changed; to start the cluster here: takeover "
        f"cluster start {upgrade.node}; to let it run services: takeover node resume {upgrade.node}"
    )


def upgrade_dry_run_json(planned: Planned, steps: Sequence[Step]) -> str:
    """Return what an upgrade would do as JSON."""
    from pcs_wrapper.views.contract.members import upgrading as contract

    progress = planned.progress
    return output_json(
        contract.UpgradeDryRun(
            node=planned.upgrade.node,
            packages=_packages(planned.upgrade),
            begun=planned.upgrade.text if planned.is_begun else "",
            need_reboot=planned.need_reboot,
            leaving=leaving_record((planned.upgrade.node,), planned.leaving),
            last_old=planned.is_last_old,
            findings=finding_records(planned.findings),
            done=() if progress is None else progress.done,
            left=() if progress is None else progress.left,
            commands=[line for step in steps for line in step.commands],
            steps=[step_record(step) for step in steps],
        )
    )


def upgraded_json(done: Done) -> str:
    """Return what became of an upgrade as JSON."""
    from pcs_wrapper.views.contract.members import upgrading as contract

    turn = done.turn
    return output_json(
        contract.Upgraded(
            node=turn.node,
            packages=_packages(done.planned.upgrade),
            drained=_rounded(turn.drained),
            stopped=_rounded(turn.stopped),
            installed=_rounded(turn.installed),
            back=_rounded(turn.back),
            whole=_rounded(turn.whole),
            waits=[wait_record(wait) for wait in turn.waits],
            goes_on=done.goes_on,
            need_reboot=done.need_reboot,
            left=done.left,
            feature_sets=[
                contract.FeatureSet(node=node, feature_set=text)
                for node, text in done.feature_sets.items()
            ],
            harm=turn.harm,
        )
    )


def forgotten_json(upgrade: Upgrade) -> str:
    """Return what was forgotten as JSON: an upgrade of which nothing more was done."""
    from pcs_wrapper.views.contract.members import upgrading as contract

    return output_json(
        contract.Upgraded(
            node=upgrade.node,
            packages=_packages(upgrade),
            drained=None,
            stopped=None,
            installed=None,
            back=None,
            whole=None,
            waits=(),
            goes_on="",
            need_reboot=(),
            left=(upgrade.node,),
            feature_sets=(),
            harm=(),
        )
    )


def _packages(upgrade: Upgrade) -> list[contract.Package]:
    from pcs_wrapper.views.contract.members import upgrading as contract

    return [contract.Package(name=p.name, old=p.old, new=p.new) for p in upgrade.packages]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _bad(text: str) -> str:
    return style(text, fg="red", bold=True)

"""Clones, roles, notifications and reloads."""

from __future__ import annotations

from collections.abc import Iterator

from pcs_wrapper.conformance.codes import NOT_RUNNING, REFUSED, SUCCESS, WORKS, WORKS_PROMOTED
from pcs_wrapper.conformance.findings import Fault, Skipped
from pcs_wrapper.conformance.laboratory import Laboratory, Setting, State, expect
from pcs_wrapper.conformance.rule import API, PACEMAKER, Chapter, Needs

CHAPTER = Chapter("As a clone, in roles, reloaded", Needs.STARTS)
NOTIFICATIONS = PACEMAKER + '"Actions", notify'
OPTIONAL = API + '"Optional Actions", '
META = "OCF_RESKEY_CRM_meta_"
# Instance 7 of three: numbers have gaps when nodes come and go ("Pacemaker Explained", "Clones").
CLONE = {
    f"{META}clone": "7",
    f"{META}clone_max": "3",
    f"{META}clone_node_max": "1",
    f"{META}globally_unique": "false",
}
NOTIFY = {
    f"{META}notify": "true",
    f"{META}notify_type": "post",
    f"{META}notify_operation": "start",
    f"{META}notify_start_resource": "other:0",
    f"{META}notify_start_uname": "node1",
    f"{META}notify_stop_resource": " ",
    f"{META}notify_active_resource": " ",
}


@CHAPTER.must("notify", NOTIFICATIONS)
def notify(lab: Laboratory) -> Iterator[Fault]:
    """A notify never fails, whether the resource runs or not."""
    if lab.described is None or not lab.described.advertises("notify"):
        raise Skipped("the agent has no notify")
    for require in (lab.require_stopped, lab.require_running):
        require()
        for kind, action in (("pre", "stop"), ("post", "start")):
            of = {f"{META}notify_type": kind, f"{META}notify_operation": action}
            yield from expect(lab.act("notify", setting=Setting(NOTIFY | of)), (SUCCESS,))
    yield from expect(lab.monitor(), WORKS, "exit code 0: still running")


@CHAPTER.must("clone-numbers", PACEMAKER + '"Environment Variables", clone')
def clone_numbers(lab: Laboratory) -> Iterator[Fault]:
    """Instance 7 of a clone of 3 works like any other, or it is refused with 2, 5 or 6."""
    lab.require_running()
    lab.require_stopped()
    lab.state = State.UNKNOWN
    instance = Setting(CLONE)
    yield from expect(lab.monitor(0, CLONE), (NOT_RUNNING, *REFUSED))
    started = lab.act("start", setting=instance)
    yield from expect(started, (SUCCESS, *REFUSED))
    if started.code == SUCCESS:
        yield from expect(lab.monitor(10, CLONE), WORKS)
    yield from expect(lab.act("stop", setting=instance), (SUCCESS,))
    yield from expect(lab.monitor(0, CLONE), (NOT_RUNNING, *REFUSED))
    lab.state = State.UNKNOWN


@CHAPTER.must("reload-agent", OPTIONAL + "reload-agent")
def reload_agent(lab: Laboratory) -> Iterator[Fault]:
    """reload-agent of a running resource succeeds and leaves it running; of a stopped, stopped."""
    if lab.described is None or not lab.described.advertises("reload-agent"):
        raise Skipped("the agent has no reload-agent")
    lab.require_running()
    yield from expect(lab.act("reload-agent"), (SUCCESS,))
    yield from expect(lab.monitor(), WORKS, "exit code 0: still running")
    lab.require_stopped()
    lab.act("reload-agent")
    yield from expect(lab.monitor(0), (NOT_RUNNING,), "exit code 7: still stopped")


@CHAPTER.should("unadvertised-actions", API + '"Resource Agent Meta-Data", "Semantics", action')
def unadvertised_actions(lab: Laboratory) -> Iterator[Fault]:
    """Each action that is supported is advertised: promote, demote and reload-agent fail if not."""
    lab.require_running()
    for action in ("promote", "demote", "reload-agent"):
        if lab.described is not None and not lab.described.advertises(action):
            done = lab.act(action)
            if done.code == SUCCESS:
                yield Fault(f"{action} succeeded, and is not advertised", "exit code 3", done)
    yield from expect(lab.monitor(), WORKS, "exit code 0: still running, and unpromoted")


@CHAPTER.must("promote", OPTIONAL + "promote")
def promote(lab: Laboratory) -> Iterator[Fault]:
    """A start leads to the unpromoted role, promote to the promoted, demote back; also twice."""
    _see_that_it_has_roles(lab)
    lab.require_stopped()
    lab.require_running()
    yield from expect(lab.monitor(), WORKS, "exit code 0: unpromoted")
    for action, codes in (("promote", WORKS_PROMOTED), ("demote", WORKS)):
        for _ in range(2):
            yield from expect(lab.act(action), (SUCCESS,))
            for interval in (0, 10):
                yield from expect(lab.monitor(interval), codes)


@CHAPTER.must("stop-promoted", API + '"Mandatory Actions", stop')
def stop_promoted(lab: Laboratory) -> Iterator[Fault]:
    """A stop succeeds in the promoted role too."""
    _see_that_it_has_roles(lab)
    lab.require_running()
    yield from expect(lab.act("promote"), (SUCCESS,))
    yield from expect(lab.act("stop"), (SUCCESS,))
    yield from expect(lab.monitor(0), (NOT_RUNNING,))


def _see_that_it_has_roles(lab: Laboratory) -> None:
    if lab.described is None or not lab.described.promotable:
        raise Skipped("the agent has no roles")

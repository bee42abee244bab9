"""The keys of each output, by heart: whoever renames something inside sees here whom it breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pcs_wrapper.views.contract.outputs import OUTPUTS, published_schema
from tests.unit.pcs_wrapper.views.printed import printed

_CHANGES = "created changed removed"
_PART = "id agent role nodes failed blocked managed disabled"
_SERVICE = {"": "id state nodes why limited parts", ".parts": _PART}
_FINDING = "code severity file line path message hint"
_DIFFERENCE = {"": "change what name service facts", ".facts": "name old new"}
_SPAN = "likely limit source"
_RULE = "chapter rule sentence source severity"
_STEP = "what commands"
_PAUSE = "keeps until configured"
# Objects whose keys are names.
_NAMES = ("phases", "stopped_fencing", "versions")
_CHECKPOINT = {
    "": "number at user node command message cluster changes omitted state epoch_before "
    "epoch_after confirm_by undoes stopped_by note",
    ".changes": _CHANGES,
}
_ATTEMPT = "node action result confirmed by origin delegate devices certain seconds reason at"
_ROLLED_BACK = "checkpoint undone changes touched services stopped_fencing"


def _below(path: str, keys: dict[str, str]) -> dict[str, str]:
    return {f"{path}{inner}": words for inner, words in keys.items()}


def _outage(path: str) -> dict[str, str]:
    return {path: "total phases", f"{path}.total": _SPAN, f"{path}.phases.*": _SPAN}


#: What a user's program may rely on: keys may be added here, and none may go without a new number.
KEYS: dict[str, dict[str, str]] = {
    "status": {
        "": "schema quorum dc maintenance votes nodes services fencing stopped_fencing failures "
        "failed_fencing findings last_change",
        "votes": "expected total needed witness losable_nodes may_be_lost",
        "votes.witness": "host votes voting",
        "findings": _FINDING,
        "last_change": "number at user node command message",
        "nodes": "name online unclean standby maintenance pending state",
        **_below("services", _SERVICE),
        "fencing": _PART,
        "failures": "resource action node reason at",
        "failed_fencing": "node reason attempts at",
    },
    "check": {"": "schema mistakes warnings", "mistakes": _FINDING, "warnings": _FINDING},
    "plan": {
        "": "schema differences unchanged actions not_simulated obstacles services "
        "adoption_refused findings",
        "obstacles": "code severity file line path message hint",
        "findings": _FINDING,
        **_below("differences", _DIFFERENCE),
        "actions": "kind target source dest reason word anyway",
        "services": "service touched stopped interrupted node_failure application_failure budget "
        "fits",
        **_outage("services.interrupted"),
        **_outage("services.node_failure"),
        **_outage("services.application_failure"),
    },
    "apply": {
        "": "schema changes services stopped_fencing checkpoint harm rolled_back rollback_failure "
        "confirm_by findings",
        "findings": _FINDING,
        "changes": _CHANGES,
        **_below("services", _SERVICE),
        "rolled_back": _ROLLED_BACK,
        "rolled_back.changes": _CHANGES,
        **_below("rolled_back.services", _SERVICE),
    },
    "apply-dry-run": {"": "schema changes commands steps", "changes": _CHANGES, "steps": _STEP},
    "rollback": {
        "": f"schema {_ROLLED_BACK}",
        "changes": _CHANGES,
        **_below("services", _SERVICE),
    },
    "rollback-dry-run": {
        "": "schema undone changes touched commands steps",
        "changes": _CHANGES,
        "steps": _STEP,
    },
    "history": {
        "": "schema checkpoints elsewhere older former",
        "elsewhere": "after epoch_before epoch_after changes",
        "elsewhere.changes": _CHANGES,
        **_below("checkpoints", _CHECKPOINT),
        **_below("older", _CHECKPOINT),
    },
    "drift": {
        "": "schema differences not_managed findings",
        **_below("differences", _DIFFERENCE),
        "findings": _FINDING,
    },
    "cluster-start": {
        "": "schema nodes skipped services harm",
        **_below("services", _SERVICE),
    },
    "cluster-stop": {
        "": "schema nodes skipped outcomes harm",
        "outcomes": "service outage",
        **_below("outcomes.service", _SERVICE),
    },
    "cluster-restart": {
        "": "schema nodes left",
        "nodes": "node drained stopped back whole waits harm",
        "nodes.waits": "service nodes seconds returning",
    },
    "cluster-dry-run": {
        "": "schema command nodes skipped leaving findings interrupted commands steps",
        "leaving": "nodes effects fenced findings",
        "leaving.effects": "service kind source dest goes_on outage",
        "leaving.effects.outage": _SPAN,
        "leaving.findings": _FINDING,
        "findings": _FINDING,
        "steps": _STEP,
    },
    "cluster-destroy": {"": "schema cluster nodes history harm"},
    "cluster-destroy-dry-run": {
        "": "schema cluster nodes leaving findings commands steps",
        "leaving": "nodes effects fenced findings",
        "leaving.effects": "service kind source dest goes_on outage",
        "leaving.effects.outage": _SPAN,
        "leaving.findings": _FINDING,
        "findings": _FINDING,
        "steps": _STEP,
    },
    "init": {
        "": "schema file written description warnings found",
        "warnings": _FINDING,
        "found": "host links disks luns watchdogs fence_agents fence_agent fence_agent_why units",
        "found.links": "interface address network leased",
        "found.disks": "path kernel size filesystem about shared",
        "found.luns": "portal target number",
        "found.watchdogs": "path identity software",
        "found.units": "name about",
    },
    "service-prepare": {
        "": "schema service disk device filesystem directory owner command steps",
        "steps": _STEP,
    },
    "service": {
        "": "schema command what nothing service expected not_served checkpoint harm",
        **_below("service", _SERVICE),
        **_outage("expected"),
    },
    "service-dry-run": {
        "": "schema command what nothing actions expected obstacles objections commands steps",
        "actions": "kind target source dest reason word anyway",
        **_outage("expected"),
        "obstacles": _FINDING,
        "objections": _FINDING,
        "steps": _STEP,
    },
    "node-list": {
        "": "schema nodes",
        "nodes": "name state why remote dc services pause",
        "nodes.pause": _PAUSE,
    },
    "node-pause": {
        "": "schema node state pause checkpoint outcomes running harm",
        "pause": _PAUSE,
        "outcomes": "service outage",
        **_below("outcomes.service", _SERVICE),
    },
    "node-dry-run": {
        "": "schema node changes effects kept fenced obstacles commands steps",
        "changes": _CHANGES,
        "effects": "service kind source dest goes_on outage",
        "effects.outage": _SPAN,
        "obstacles": _FINDING,
        "steps": _STEP,
    },
    "cluster-configure": {
        "": "schema changes obstacles steps",
        "changes": "of key now described",
        "obstacles": _FINDING,
        "steps": _STEP,
    },
    "upgrade": {
        "": "schema node packages drained stopped installed back whole waits goes_on need_reboot "
        "left feature_sets harm",
        "packages": "name old new",
        "waits": "service nodes seconds returning",
        "feature_sets": "node feature_set",
    },
    "upgrade-dry-run": {
        "": "schema node packages begun need_reboot leaving last_old findings done left commands "
        "steps",
        "packages": "name old new",
        "leaving": "nodes effects fenced findings",
        "leaving.effects": "service kind source dest goes_on outage",
        "leaving.effects.outage": _SPAN,
        "leaving.findings": _FINDING,
        "findings": _FINDING,
        "steps": _STEP,
    },
    "node-add": {
        "": "schema node links fenced_by held files description edits harm",
    },
    "node-add-dry-run": {
        "": "schema node links member configured held authenticated versions replaces files "
        "findings description edits problem commands steps",
        "findings": _FINDING,
        "steps": _STEP,
    },
    "node-replace": {
        "": "schema old node links destroyed waits fenced_by held files description edits harm",
        "waits": "service nodes seconds returning",
    },
    "node-replace-dry-run": {
        "": "schema old node links left member evicted way evidence leaving held authenticated "
        "versions replaces files findings description edits problem commands steps",
        "evidence": "witness verdict says",
        "leaving": "nodes effects fenced findings",
        "leaving.effects": "service kind source dest goes_on outage",
        "leaving.effects.outage": _SPAN,
        "leaving.findings": _FINDING,
        "findings": _FINDING,
        "steps": _STEP,
    },
    "node-remove": {
        "": "schema node destroyed left waits description edits harm",
        "waits": "service nodes seconds returning",
    },
    "node-evict-dry-run": {
        "": "schema node configured known way proven evidence findings description edits problem "
        "commands steps",
        "evidence": "witness verdict says",
        "findings": _FINDING,
        "steps": _STEP,
    },
    "node-remove-dry-run": {
        "": "schema node member configured known leaving findings description edits problem "
        "commands steps",
        "leaving": "nodes effects fenced findings",
        "leaving.effects": "service kind source dest goes_on outage",
        "leaving.effects.outage": _SPAN,
        "leaving.findings": _FINDING,
        "findings": _FINDING,
        "steps": _STEP,
    },
    "quorum-status": {
        "": "schema quorum votes members absent who losses settings certificates",
        "votes": "expected total needed witness losable_nodes may_be_lost",
        "votes.witness": "host votes voting",
        "losses": "what witness left goes_on means",
        "certificates": "name made until",
    },
    "witness": {
        "": "schema quorum votes members absent who losses settings certificates",
        "votes": "expected total needed witness losable_nodes may_be_lost",
        "votes.witness": "host votes voting",
        "losses": "what witness left goes_on means",
        "certificates": "name made until",
    },
    "witness-dry-run": {
        "": "schema command nothing now then obstacles steps",
        **dict.fromkeys(("now", "then"), "expected total needed witness losable_nodes may_be_lost"),
        **dict.fromkeys(("now.witness", "then.witness"), "host votes voting"),
        "obstacles": _FINDING,
        "steps": _STEP,
    },
    "backup": {"": "schema file cluster nodes at files absent", "files": "path kind"},
    "restore": {"": "schema cluster nodes saved_at left for_other_nodes"},
    "restore-dry-run": {"": "schema cluster nodes saved_at left steps", "steps": _STEP},
    "fence-list": {
        "": "schema nodes devices findings",
        "nodes": "name state levels order watchdog plugs last",
        "nodes.plugs": "device plug power reason",
        "nodes.last": _ATTEMPT,
        "devices": "id agent nodes why monitor last",
        "devices.monitor": "health since node reason",
        "devices.last": _ATTEMPT,
        "findings": _FINDING,
    },
    "fence-history": {"": "schema attempts", "attempts": _ATTEMPT},
    "fence-confirm": {
        "": "schema node confirmed proven evidence services",
        "evidence": "witness verdict says",
        **_below("services", _SERVICE),
    },
    "fence-confirm-dry-run": {
        "": "schema node needed proven evidence findings steps",
        "evidence": "witness verdict says",
        "findings": _FINDING,
        "steps": _STEP,
    },
    "fence-test": {
        "": "schema nodes",
        "nodes": "node requested fenced back whole outages harm",
        "nodes.outages": "service node seconds",
    },
    "fence-test-dry-run": {
        "": "schema nodes findings steps",
        "nodes": "name order expected",
        "nodes.expected": "service dest elsewhere seconds",
        "findings": _FINDING,
        "steps": _STEP,
    },
    "agents-check": {
        "": "schema agent version judged_by parameters good summary results",
        "summary": "ok failed advice skipped",
        "results": f"{_RULE} verdict why seconds faults",
        "results.faults": "found right ran",
        "results.faults.ran": "command exit_code ended seconds stdout stderr",
    },
    "agents-check-list": {"": "schema rules", "rules": _RULE},
    "error": {
        "": "schema error",
        "error": "code message hint exit_code findings",
        "error.findings": _FINDING,
    },
}


def test_all_outputs_are_here() -> None:
    """A new one gets its keys written down."""
    assert KEYS.keys() == OUTPUTS.keys()


@pytest.mark.parametrize("name", KEYS)
def test_the_schema_has_these_keys(name: str) -> None:
    """All of them, in this order, and no other."""
    schema = published_schema(OUTPUTS[name])
    assert dict(_described(schema, schema.get("$defs", {}), "")) == KEYS[name]


@pytest.mark.parametrize("name", KEYS)
def test_what_is_printed_has_these_keys(name: str) -> None:
    """What is made inside of Takeover arrives under them."""
    found = dict(_found(json.loads(printed(name, "2.1", "--json")), ""))
    assert found == {path: KEYS[name][path] for path in found}


def _described(schema: Any, known: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield where a schema has an object, and the object's keys."""
    if "$ref" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]]
    for kind in schema.get("anyOf", ()):
        yield from _described(kind, known, path)
    if "items" in schema:
        yield from _described(schema["items"], known, path)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _described(schema["additionalProperties"], known, f"{path}.*")
    if "properties" in schema:
        yield path, " ".join(schema["properties"])
        for key, field in schema["properties"].items():
            yield from _described(field, known, f"{path}.{key}".removeprefix("."))


def _found(output: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield where an output has an object, and the object's keys."""
    if isinstance(output, list):
        for each in output:
            yield from _found(each, path)
    elif isinstance(output, dict) and path.rpartition(".")[2] in _NAMES:
        for each in output.values():
            yield from _found(each, f"{path}.*")
    elif isinstance(output, dict):
        yield path, " ".join(output)
        for key, value in output.items():
            yield from _found(value, f"{path}.{key}".removeprefix("."))

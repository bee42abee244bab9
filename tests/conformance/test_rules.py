"""Every rule finds its fault, and a good agent breaks none."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from pcs_wrapper.cli import run
from pcs_wrapper.conformance.rules import CHAPTERS

from .conftest import GOOD, Make

Report = dict[str, Any]
Check = Callable[..., tuple[int, Report]]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="hiding programs needs root")


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Return a function that checks an agent, and returns the exit code and what was found."""

    def perform(*arguments: object) -> tuple[int, Report]:
        capsys.readouterr()
        code = run(["agents", "check", "--json", *map(str, arguments)])
        return code, json.loads(capsys.readouterr().out)

    return perform


def test_a_good_agent_breaks_no_rule(make_agent: Make, check: Check) -> None:
    """Everything is ok, nothing is even advised, and only what needs root may be skipped."""
    code, report = check(make_agent(), "-o", "colour=blue", "--strict")
    bad = {r["rule"]: r["faults"] for r in report["results"] if r["faults"]}
    assert bad == {}
    assert code == 0
    assert report["judged_by"] == "1.1"
    skipped = {r["rule"] for r in report["results"] if r["verdict"] == "skipped"}
    hiding = {"stop-without-programs", "probe-without-programs", "validate-anywhere"}
    assert skipped == (set() if os.geteuid() == 0 else hiding)


def action(name: str, body: str) -> tuple[str, str]:
    """Return the replacement that gives an action another body."""
    [line] = [line for line in GOOD.splitlines() if line.startswith(f"{name}) ")]
    return line, f"{name}) {body} ;;"


def advertised(name: str, wanted: str = "") -> tuple[str, str]:
    """Return the replacement of the line of the meta-data that has a text."""
    [line] = [line for line in GOOD.splitlines() if name in line and line.startswith("<")]
    return f"{line}\n", wanted


CASE = "case $1 in\nmeta-data"
DIES = "    alive || return 7\n"
LOCK, FREE = 'mkdir "$state.lock" || exit 1', 'rmdir "$state.lock"'
DETACHED = ">/dev/null 2>&1 </dev/null &"

# For each rule: how the good agent is broken, and the rules without which it cannot be seen.
BROKEN: list[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]] = [
    ("meta-data", (action("meta-data", "echo '<'; metadata"),), ()),
    ("meta-data", (action("meta-data", "metadata; exit 1"),), ()),
    ("meta-data-quiet", (action("meta-data", "echo hm >&2; metadata"),), ()),
    ("meta-data-nobody", (action("meta-data", '[ -w /proc/1/oom_adj ] || exit 4; metadata'),), ()),
    ("meta-data-environment", (action("meta-data", '[ "$HA_RSCTMP" ] || exit 1; metadata'),), ()),
    ("meta-data-same", (action("meta-data", 'metadata | sed "s/Sleeps/$size/"'),), ()),
    ("meta-data-bare", (action("meta-data", '[ "$OCF_ROOT" ] || exit 2; metadata'),), ()),
    ("meta-data-touches-nothing", (action("meta-data", 'touch "$state"; metadata'),), ()),
    ("meta-data-touches-nothing", (action("meta-data", "touch here; metadata"),), ()),
    ("meta-data-touches-nothing", (action("meta-data", f"sleep 60 {DETACHED} metadata"),), ()),
    ("unknown-action", (('fail 3 "unknown', 'fail 1 "unknown'),), ()),
    ("no-action", (("*) fail 3", "'') exit 0 ;;\n*) fail 3"),), ()),
    ("extra-arguments", ((CASE, f"[ $# -le 1 ] || exit 2\n{CASE}"),), ()),
    ("schema", (('required="1"', 'required="yes"'),), ()),
    ("version", (("<version>1.1<", "<version>4.2<"),), ()),
    ("name", (('name="good"', 'name="better"'),), ()),
    ("mandatory-actions", (advertised('"meta-data"'),), ()),
    ("validate-all", (advertised('"validate-all"'),), ()),
    ("times", (('timeout="5s"', 'timeout="soon"'),), ()),
    ("times", (('interval="10s"', 'interval="often"'),), ()),
    ("units", (('timeout="5s"', 'timeout="5"'),), ()),
    ("monitors", (('interval="11s"', 'interval="10s"'),), ()),
    ("monitors", (('interval="11s" ', ""),), ()),
    ("monitors", (('role="Promoted"', 'role="Unpromoted"'),), ()),
    ("depths", (('depth="0" role="Unpromoted"', 'depth="5" role="Unpromoted"'),), ()),
    ("roles", (('role="Promoted"', 'role="Boss"'),), ()),
    ("roles", (advertised('"demote"'),), ()),
    ("role-monitors", (advertised('"Promoted"'),), ()),
    ("role-monitors", (advertised('"Unpromoted"'),), ()),
    ("role-monitors", (advertised('"promote"'), advertised('"demote"')), ()),
    ("descriptions", (("Sleeper", " "),), ()),
    ("descriptions", (("The size of the dreams.", ""),), ()),
    ("languages", (('lang="en">Sleeper', 'lang="in English">Sleeper'),), ()),
    ("parameter-names", (('name="size"', 'name="si-ze"'),), ()),
    ("parameter-names", (('name="size"', 'name="colour"'),), ()),
    ("defaults", (('default="3"', 'default="three"'),), ()),
    ("defaults", (('type="string"/>', 'type="string" default="x"/>'),), ()),
    ("unique-groups", (('unique-group="colour"', 'unique="1"'),), ()),
    ("deprecated", (('replaced-with name="colour"', 'replaced-with name="color"'),), ()),
    ("deprecated", (('replaced-with name="colour"', 'replaced-with name="colour_name"'),), ()),
    ("reloadable", ((' reloadable="1"', ""),), ()),
    ("reloadable", (advertised('"reload-agent"'),), ()),
    ("probe", ((DIES, "    alive || return $((7 * !!OCF_RESKEY_CRM_meta_interval))\n"),), ()),
    ("stop-before-start", (action("stop", '[ -e "$state" ] || exit 7; stop'),), ()),
    ("monitor-stopped", ((DIES, "    alive || return $((7 - (OCF_CHECK_LEVEL > 9)))\n"),), ()),
    ("start", (action("start", "alive || (sleep 0.3; start) >/dev/null 2>&1 &"),), ()),
    ("start", (action("start", "fail 1 no"),), ()),
    ("start-twice", (action("start", "alive && exit 1; start"),), ()),
    ("start-twice", (("    alive && return 0\n", '    rm -f "$state"\n'),), ()),
    ("monitor-levels", ((DIES, f'{DIES}    [ "$OCF_CHECK_LEVEL" = 15 ] && return 1\n'),), ()),
    ("monitor-levels", (action("monitor", "alive && expr $OCF_RESKEY_CRM_meta_interval"),), ()),
    ("monitor-extra-arguments", (action("monitor", "[ $# = 1 ] || exit 2; monitor"),), ()),
    ("action-variable", ((CASE, CASE.replace("$1", "${__OCF_ACTION:-$1}")),), ()),
    ("callers-folder", (("(cd / && ", "("),), ()),
    ("callers-folder", (action("start", "touch here; start"),), ()),
    ("stop", (action("stop", "(sleep 0.3; stop) >/dev/null 2>&1 &"),), ()),
    ("stop", (action("stop", "alive && exit 1; stop"),), ()),
    ("stop-twice", (action("stop", "alive || exit 7; stop"),), ()),
    ("left-over-processes", (action("start", f"setsid sleep 60 {DETACHED} start"),), ()),
    ("left-over-files", (('rm -f "$state" ', "rm -f "),), ()),
    ("odd-places", ((CASE, f'[ "$(umask)" != 0077 ] || exit 1\n{CASE}'),), ()),
    ("odd-places", ((CASE, f'[ "$(stat -c %h .)" != 0 ] || exit 1\n{CASE}'),), ()),
    ("stop-without-parameters", (action("stop", '[ "$OCF_RESKEY_colour" ] || exit 6; stop'),), ()),
    ("stop-with-wrong-parameters", (action("stop", "validate; stop"),), ()),
    ("stop-without-programs", (action("stop", "command -v mount || exit 5; stop"),), ()),
    ("probe-without-programs", (action("monitor", "command -v mount || exit 1; monitor"),), ()),
    ("stop-with-empty-path", (("export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n", ""),), ()),
    ("stop-with-bare-environment", (action("stop", '[ "$HA_RSCTMP" ] || exit 1; stop'),), ()),
    ("stop-with-bare-environment", (action("stop", '[ "$OCF_ROOT" ] || exit 1; stop'),), ()),
    ("start-without-parameters", (('|| fail 6 "the parameter', '|| fail 1 "the parameter'),), ()),
    ("start-without-parameters", (('|| fail 6 "the parameter', '|| : "the parameter'),), ()),
    ("start-with-wrong-parameters", (("''  | *[!0-9]*".replace("  ", " "), "''"),), ()),
    ("exit-reason", (("prefix=${OCF_EXIT_REASON_PREFIX:-ocf-exit-reason:}", "prefix=no:"),), ()),
    ("exit-reason", (("prefix=${OCF_EXIT_REASON_PREFIX:-", "prefix=${NOTHING:-"),), ()),
    ("exit-reason", (('"the parameter colour is missing"', '""'),), ()),
    ("validate-without-parameters", (action("validate-all", "exit 0"),), ()),
    ("validate", (action("validate-all", "exit 6"),), ()),
    ("validate", (action("validate-all", '[ "$OCF_CHECK_LEVEL" != 10 ] || exit 5'),), ()),
    ("validate-anywhere", (action("validate-all", "command -v mount || exit 5"),), ()),
    ("values-are-data", ((CASE, f'eval ": $size"\n{CASE}'),), ()),
    ("values-are-data", ((CASE, f"eval \": '$OCF_RESKEY_colour'\"\n{CASE}"),), ()),
    ("notify", (action("notify", "alive || exit 7"),), ()),
    ("clone-numbers", (action("start", '[ "${OCF_RESKEY_CRM_meta_clone:-0}" = 0 ] && start'),), ()),
    ("clone-numbers", (action("stop", '[ "$OCF_RESKEY_CRM_meta_clone" ] || stop'),), ()),
    ("clone-numbers", (action("stop", '[ ! "$OCF_RESKEY_CRM_meta_clone" ] && stop'),), ()),
    ("reload-agent", (action("reload-agent", "exit 1"),), ()),
    ("reload-agent", (action("reload-agent", "stop"),), ()),
    ("reload-agent", (action("reload-agent", "start"),), ()),
    ("unadvertised-actions", (advertised('"reload-agent"'),), ()),
    ("promote", (action("promote", '[ ! -e "$state.promoted" ] && touch "$state.promoted"'),), ()),
    ("promote", (action("promote", "exit 0"),), ()),
    ("promote", (action("demote", "exit 0"),), ()),
    ("stop-promoted", (action("stop", '[ ! -e "$state.promoted" ] || exit 8; stop'),), ()),
    ("killed-start", (action("start", f"{LOCK}; sleep 0.2; start; {FREE}"),), ()),
    ("killed-stop", (action("stop", f"{LOCK}; sleep 0.2; stop; {FREE}"),), ()),
    ("timeout", (action("start", "sleep 2.1; start"),), ()),
    ("timeout", (action("stop", "alive && sleep 2.1; stop"),), ()),
    ("exit-codes", (('fail 3 "unknown', 'fail 42 "unknown'),), ("unknown-action",)),
    ("exit-codes", (action("stop", "alive || exit 7; stop"),), ("stop-twice",)),
    ("exit-codes", (action("monitor", "kill -9 $$"),), ("monitor-levels",)),
    ("realistic-times", (('timeout="5s"', 'timeout="1ms"'),), ("meta-data",)),
    ("output-closed", ((" </dev/null >/dev/null 2>&1 &", " &"),), ("start",)),
    ("plain-output", (('fail 3 "unknown', "fail 3 \"$(printf '\\033')"),), ("unknown-action",)),
    ("plain-output", (('fail 3 "unknown', "printf '\\377'; fail 3 \""),), ("unknown-action",)),
]  # fmt: skip


def test_every_rule_is_broken_once() -> None:
    """There is a broken agent for each rule: a rule that cannot fail would be none."""
    rules = {rule.id for chapter in CHAPTERS for rule in chapter.rules}
    assert rules - {rule for rule, _, _ in BROKEN} == {"time-limit"}  # see the test below


@pytest.mark.parametrize(("rule", "replaced", "with_rules"), BROKEN)
def test_a_rule_finds_its_fault(
    rule: str, replaced: tuple[tuple[str, str], ...], with_rules: tuple[str, ...],
    make_agent: Make, check: Check,
) -> None:  # fmt: skip
    """The good agent with one fault breaks the rule that is about that fault."""
    only = [word for each in (*with_rules, rule) for word in ("--only", each)]
    arguments = ("-o", "colour=blue", "--strict", *only)
    code, report = check(make_agent(*replaced), *arguments)
    result = report["results"][-1]
    assert result["rule"] == rule
    if "needs root" in result["why"]:
        pytest.skip(result["why"])
    assert result["verdict"] == ("failed" if result["severity"] == "must" else "advice")
    assert result["faults"]
    assert code == 1


def test_an_action_that_hangs_is_killed(make_agent: Make, check: Check) -> None:
    """After its time it is killed with what it has started, and that is a fault."""
    agent = make_agent(("*) fail 3", "*) sleep 60; fail 3"))
    only = ("--only", "no-action", "--only", "time-limit")
    code, report = check(agent, *only, "--timeout", "0.3")
    assert code == 1
    hung, late = report["results"]
    assert hung["verdict"] == late["verdict"] == "failed"
    killed = re.fullmatch(r"still running after (\S+) s, and killed", late["faults"][0]["found"])
    assert killed
    assert float(killed[1]) >= 0.3


def test_meta_data_may_have_entities(make_agent: Make, check: Check) -> None:
    """Of the document itself; those of other files are refused, in a sentence."""
    whole = '<resource-agent name="good" version="1.0">'
    doctype = '<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd" [<!ENTITY about {}>]>'
    for entity, expected in (("'a text'", 0), ("SYSTEM 'file:///etc/hostname'", 1)):
        more = f"{doctype.format(entity)}{whole}"
        agent = make_agent((whole, more), ("Sleeps.", "Sleeps, &about;.<!-- c -->"))
        code, report = check(agent, "--only", "meta-data")
        assert code == expected, report

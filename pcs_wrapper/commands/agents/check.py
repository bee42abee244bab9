"""`takeover agents check`: test whether an agent follows the OCF Resource Agent API."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pcs_wrapper.commands.options import as_json
from pcs_wrapper.commands.printing import print_line, print_lines, print_text
from pcs_wrapper.machine.machine import Machine

if TYPE_CHECKING:
    from pcs_wrapper.conformance.checking import Result
    from pcs_wrapper.conformance.laboratory import Laboratory


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the resource that the agent is tested with; repeatable.",
)
@click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also write the results to FILE as JUnit XML.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="The time limit of each action. If it is not given: the agent's own, but at least 20.",
)
@click.option("--only", metavar="RULE", multiple=True, help="Apply this rule only; repeatable.")
@click.option("--skip", metavar="RULE", multiple=True, help="Do not apply this rule; repeatable.")
@click.option("--strict", is_flag=True, help="Also fail if a rule that says `should` is broken.")
@click.option("--list", "list_rules", is_flag=True, help="List the rules with their sources.")
@as_json
@click.pass_context
def check(
    ctx: click.Context,
    path: Path | None,
    *,
    parameters: tuple[str, ...],
    junit: Path | None,
    timeout: float | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    strict: bool,
    list_rules: bool,
    as_json: bool,
) -> None:
    """Test whether the resource agent PATH follows the OCF Resource Agent API.

    Any OCF agent can be tested, in whatever language it is written; no cluster is needed. Its
    meta-data is checked against the API's schema. Then the agent is called as a cluster would call
    it: also with parameters or programs missing, killed midway, and with too little time.

    The test starts and stops a real resource many times: use a machine and parameters that nothing
    depends on. A resource that is already running is neither started nor stopped. If a parameter
    that the agent requires is not given, only the rules that start nothing are applied.

    \b
    Examples:
      takeover agents check /usr/lib/ocf/resource.d/heartbeat/Dummy
      takeover agents check ./my-agent -o config=/tmp/my.conf --junit result.xml
      takeover agents check ./my-agent -o config=/tmp/my.conf --only stop-twice

    The output has a line for each rule: ok, FAILED (a broken rule that says `must`), advice (a
    broken rule that says `should`), or skipped with the reason. For a broken rule it shows the
    action that was run as a command, with its differences from the usual environment.

    Exit codes: 0 no rule failed; 1 a rule failed, or with --strict there is advice; 2 the command
    line is wrong.
    """  # noqa: D301 - \b is click's
    import signal

    from pcs_wrapper.conformance import checking, report
    from pcs_wrapper.conformance.laboratory import Laboratory
    from pcs_wrapper.errors import UsageError
    from pcs_wrapper.views.agents import agents_check_json, rules_json

    if list_rules:
        if as_json:
            print_text(rules_json())
        else:
            print_lines(report.list_text())
        return
    if path is None:
        raise UsageError("name the agent, such as /usr/lib/ocf/resource.d/heartbeat/Dummy")
    agent = checking.find_agent(path)
    chosen = checking.choose(only, skip)
    lab = Laboratory(agent, checking.parse_parameters(parameters), limit=timeout)
    # A CI that cancels a job sends SIGTERM. The resource has to be stopped then, too.
    terminate = signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine: Machine = ctx.obj
    problem = ""
    try:
        checking.describe(lab)
        if not lab.missing():
            machine.console.warning(
                f"a resource of the agent {agent.name} will be started and stopped on this machine"
            )
        results = _try(lab, chosen, silent=as_json)
    finally:
        if problem := lab.close():
            machine.console.warning(problem)
        signal.signal(signal.SIGTERM, terminate)
    if junit:
        _write_junit(junit, lab, results, strict=strict)
    if as_json:
        print_text(agents_check_json(lab, results, strict=strict))
    else:
        print_line(report.summary(results))
    if problem or not report.is_good(results, strict=strict):
        ctx.exit(1)


def _try(lab: Laboratory, chosen: Collection[str], *, silent: bool) -> list[Result]:
    """Apply rules, and print the result of each as soon as it is known, unless silent."""
    from pcs_wrapper.conformance import checking, report

    if not silent:
        print_lines(report.heading(lab))
    results: list[Result] = []
    for result in checking.check(lab, chosen):
        if not silent:
            if not results or results[-1].chapter != result.chapter:
                print_line(f"{result.chapter}:")
            print_lines(report.result_text(result))
        results.append(result)
    return results


def _write_junit(file: Path, lab: Laboratory, results: list[Result], *, strict: bool) -> None:
    from pcs_wrapper.conformance.junit import write_junit
    from pcs_wrapper.errors import ClusterError

    try:
        write_junit(file, lab, results, strict=strict)
    except OSError as error:
        raise ClusterError(f"cannot write {file}: {error.strerror}") from error

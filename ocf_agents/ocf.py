"""An agent's action as a program: what Pacemaker calls, from the arguments to the exit code.

This is the public name: installed launchers import `main` from here, and agents of one's own
import all the others.
"""

from __future__ import annotations

import posix  # os without its Python half, which is a tenth of a monitor's time
import sys

from ocf_agents.runtime.agent import (
    CHECK_THIS_HOST,
    LAUNCHED_FAILED,
    Action,
    Agent,
    AgentError,
    Code,
    Deadline,
)
from ocf_agents.runtime.journal import ERROR, log, printable, use_journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

__all__ = ["Action", "Agent", "AgentError", "Code", "Deadline", "main", "run"]


def run(agent: type[Agent], arguments: list[str], environ: Mapping[str, str]) -> int:
    """Perform the action that the first argument names, and return the exit code.

    Whatever goes wrong becomes a reason on standard error and an exit code, never a traceback.

    Raises:
        ImportError: Modules are away, perhaps for the moment of an update.
    """
    action = arguments[0] if arguments else ""
    try:
        return _perform(agent, action, environ)
    except AgentError as error:
        if error.details:  # before the reason: Pacemaker takes the last one that it finds
            log(error.details, ERROR)
        return _fail(str(error), error.code, environ)
    except ImportError:
        raise
    except PermissionError as error:
        from ocf_agents.runtime.rights.confinement import is_confined

        if is_confined():  # no reason to ban this node, as ERR_PERM does
            reason = f"{action}: {error}; root may not do that in this container or namespace"
            return _fail(reason, Code.ERR_GENERIC, environ)
        return _fail(f"{action}: {error}; agents run as root", Code.ERR_PERM, environ)
    except OSError as error:
        return _fail(f"{action}: {error}", Code.ERR_GENERIC, environ)
    except (Exception, KeyboardInterrupt) as error:
        if environ.get("HA_debug", "0") != "0":
            import traceback

            traceback.print_exc()
        reason = f"{action}: unexpected {type(error).__name__}: {error} (HA_debug=1 shows where)"
        return _fail(reason, Code.ERR_GENERIC, environ)


def main(agent: type[Agent], launched: bool = False) -> NoReturn:
    """Run the agent as a program.

    Args:
        agent: The agent.
        launched: A launcher runs it (install/launchers.py), which waits for modules that are away.

    Raises:
        ImportError: Modules are away, and it is launched.
    """
    posix.chdir("/")  # an agent must not itself keep busy the filesystem that it unmounts
    for stream in ("stdin", "stdout", "stderr"):
        if getattr(sys, stream) is None:  # closed: the next file opened would get its number
            setattr(sys, stream, open("/dev/null", "r+", encoding="ascii"))  # noqa: SIM115
    posix.closerange(3, posix.sysconf("SC_OPEN_MAX"))  # whatever the caller has left open
    # Says that this version of the modules is in use (install/copies.py).
    posix.open(__file__.rpartition("/")[0], posix.O_PATH)
    encoding = sys.getfilesystemencoding()
    environ = {
        name.decode(encoding, "surrogateescape"): value.decode(encoding, "surrogateescape")
        for name, value in posix.environ.items()
    }
    if environ.get("OCF_RESKEY_CRM_meta_timeout"):  # else somebody runs it by hand, and reads
        instance = environ.get("OCF_RESOURCE_INSTANCE", "")
        use_journal(f"{agent.name}({instance})", instance)
    try:
        code = run(agent, sys.argv[1:], environ)
    except ImportError as error:
        if launched:
            raise
        code = _fail(f"{error}: Python or Takeover is incomplete", Code.ERR_GENERIC, environ)
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except OSError:
            continue  # whoever wanted to read it has gone
    if launched and code == Code.ERR_GENERIC:
        code = LAUNCHED_FAILED
    posix._exit(code)  # at once: taking down the interpreter is a fifth of a monitor's time


def _perform(agent: type[Agent], action: str, environ: Mapping[str, str]) -> int:
    if action == "meta-data":
        from ocf_agents.install.metadata import metadata

        sys.stdout.write(metadata(agent))
        return Code.SUCCESS
    resource = agent(environ, action)
    if action == "monitor":
        return _monitor(resource)
    if action == "start":
        resource.validate()
        resource.check_host()
        resource.start()
        resource.after_start()
    elif action == "stop":
        # No validation: whatever the parameters say now, stop what can be found.
        resource.before_stop()
        resource.stop()
    elif action == "validate-all":
        resource.validate()
        if resource.check_level >= CHECK_THIS_HOST:
            resource.check_host()
    elif action == "reload-agent" and agent.advertises(action):
        resource.validate()
        resource.reload()
        resource.after_reload()
    elif action != "notify":  # of a clone; whoever has nothing to do on it must not fail
        known = ", ".join(dict.fromkeys(a.name for a in agent.actions))
        raise AgentError(f"unknown action {action!r}; known: {known}", Code.ERR_UNIMPLEMENTED)
    return Code.SUCCESS


def _monitor(resource: Agent) -> int:
    if resource.probe:
        resource.validate()
        return resource.monitor()
    # A later monitor follows a start, which has checked the same parameters.
    try:
        code = resource.monitor()
    except AgentError as error:
        if error.code == Code.DEGRADED:
            resource.after_monitor()
        raise
    if code in (Code.SUCCESS, Code.DEGRADED):
        resource.after_monitor()
    return code


def _fail(reason: str, code: int, environ: Mapping[str, str]) -> int:
    """Write the reason where Pacemaker picks it up, on one line, and return the code."""
    prefix = environ.get("OCF_EXIT_REASON_PREFIX", "ocf-exit-reason:")
    sys.stderr.write(prefix + printable(" ".join(reason.split())) + "\n")
    return code

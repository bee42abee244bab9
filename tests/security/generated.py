"""Odd input for any agent, and what no answer to it may be.

An agent's test chooses values for the parameters that its actions need, adds odd ones
(`odd_parameters`), puts an obstacle in the way of a file (`put`), and acts (`act`), which judges
the answer. Examples are the same in every run (`BRIEF`), so that a failure can be repeated.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ocf_agents.runtime.agent import Agent, Code
from ocf_agents.runtime.parameters import Parameter
from tests.rig.on_host.conftest import Node

#: Few examples, the same ones every time: each is several real actions.
BRIEF = settings(
    max_examples=int(os.environ.get("TAKEOVER_ATTACKS", "25")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ALLOWED = 4.0  # seconds for an action
SLACK = 3.0  # seconds that a busy machine may add to an action that has used all of its time
CODES = {value for name, value in vars(Code).items() if name.isupper() and isinstance(value, int)}
ODD = (
    "",
    " ",
    "-",
    "--help",
    "/",
    "//",
    "../../etc/shadow",
    "/nowhere/at/all",
    "/proc/self/mem",
    "/dev/zero",
    "x" * 5000,
    "\u202eelif",
    "\x1b]0;title\x07",
    "line\nbreak",
    "tab\there",
    "caf\udcff",  # bytes that are no UTF-8, as the environment has them
    "\uff15\uff14\uff13\uff12",  # full-width digits
    "\u00b2",  # a digit that is no decimal one
    "9" * 5000,
    "-1",
    "0x10",
    "1e9",
    "'open",
    "$(touch /tmp/x)",
    "%s%n{0}",
    "a=b;c=d",
)
INSTANCES = ("shop", "web:0", "sh\u00f6p", "x" * 200, "a/b", "..", "-", "a\nb", "\udcff", "%i")
#: What may be in the way of a file.
OBSTACLES = (
    "nothing",
    "file",
    "empty file",
    "binary file",
    "large file",
    "file of root's",
    "folder",
    "link to a secret",
    "link to nowhere",
    "endless link",
    "link to /dev/zero",
    "pipe",
    "socket",
    "device",
)
SECRET = "TOKEN=root-alone-may-read-this"


def odd_values(parameter: Parameter) -> st.SearchStrategy[str]:
    """Return values for a parameter, of which most are wrong.

    Args:
        parameter: The parameter as the agent declares it.
    """
    right = [parameter.default, *parameter.options]
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    return st.one_of(st.sampled_from(ODD), text, st.sampled_from(right))


def odd_parameters(agent: type[Agent], *spared: str) -> st.SearchStrategy[dict[str, str]]:
    """Return values for one to three parameters of an agent.

    Args:
        agent: The agent.
        spared: The parameters that keep their values.
    """
    declared = [each for each in agent.parameters() if each.name not in spared]
    one = st.sampled_from(declared).flatmap(
        lambda each: st.tuples(st.just(each.name), odd_values(each))
    )
    return st.lists(one, min_size=1, max_size=3).map(dict)


def odd_surroundings() -> st.SearchStrategy[dict[str, str]]:
    """Return what the cluster, or whoever calls an agent by hand, may have in the environment."""
    return st.fixed_dictionaries(
        {},
        optional={
            "OCF_RESOURCE_INSTANCE": st.sampled_from(INSTANCES),
            "OCF_RESKEY_CRM_meta_interval": st.sampled_from(("0", "10000", "soon", "\u00b2")),
            "OCF_CHECK_LEVEL": st.sampled_from(("0", "10", "20", "7", "-1", "\u00b2", "9" * 30)),
            "OCF_EXIT_REASON_PREFIX": st.just("ocf-exit-reason:"),
            "LANG": st.sampled_from(("C", "tr_TR.UTF-8", "nonsense")),
            "TZ": st.sampled_from(("UTC", ":/etc/shadow")),
            "PYTHONPATH": st.just("/nowhere"),
            "no_such_variable": st.sampled_from(ODD),
        },
    )


def obstacles() -> st.SearchStrategy[str]:
    """Return what may be in the way of a file, for `put`."""
    return st.sampled_from(OBSTACLES)


def put(obstacle: str, path: Path, secret: Path, uid: int) -> None:
    """Put something in the way, as the user who owns the folder might.

    Args:
        obstacle: What, one of `OBSTACLES`.
        path: Where; whatever was there before is removed, unless it is a folder with files in it.
        secret: A file that root alone can read; it is written here.
        uid: The user.
    """
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    _clear(path)
    if obstacle.startswith("link to") or obstacle == "endless link":
        to = {
            "link to a secret": str(secret),
            "link to nowhere": "/nowhere/at/all",
            "link to /dev/zero": "/dev/zero",
            "endless link": path.name,
        }
        path.symlink_to(to[obstacle])
    elif obstacle == "folder":
        path.mkdir()
    elif obstacle == "pipe":
        os.mkfifo(path)
    elif obstacle == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif obstacle == "device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero
    elif obstacle != "nothing":
        contents = {
            "empty file": b"",
            "binary file": bytes(range(256)),
            "large file": b"A=" + b"x" * (3 << 20),
            "file of root's": SECRET.encode(),
        }
        path.write_bytes(contents.get(obstacle, b"A=1\n"))
    if obstacle == "file of root's":
        path.chmod(0o600)
    elif obstacle != "nothing":
        os.chown(path, uid, uid, follow_symlinks=False)


def act(node: Node, agent: str, action: str, environ: Mapping[str, str]) -> tuple[int, str]:
    """Perform an action of an agent on a node, judge the answer, and return it.

    Args:
        node: The node.
        agent: The agent.
        action: The action.
        environ: What `environment` has made.
    """
    began = time.monotonic()
    done = subprocess.run(
        [*node.enter, str(node.agent(agent)), action],
        env={"PATH": os.environ["PATH"], "HA_RSCTMP": str(node.state), **environ},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = done.stderr.decode(errors="replace")
    judge(action, done.returncode, said, time.monotonic() - began)
    return done.returncode, said


def judge(action: str, code: int, said: str, seconds: float) -> None:
    """Insist on what holds for every answer of every agent.

    Args:
        action: The action.
        code: Its exit code.
        said: What it wrote.
        seconds: How long it took.
    """
    answer = (action, code, said[-2000:])
    assert code in CODES, answer
    assert "Traceback" not in said, answer
    assert "unexpected" not in said, answer
    assert seconds < ALLOWED + SLACK, (*answer, seconds)
    assert SECRET.partition("=")[2] not in said, answer
    if action == "stop":
        assert code in (Code.SUCCESS, Code.ERR_GENERIC), answer
    if action == "monitor":
        assert code != Code.ERR_UNIMPLEMENTED, answer
    assert code == Code.SUCCESS or "ocf-exit-reason:" in said or code == Code.NOT_RUNNING, answer
    assert len(said) < 1 << 17, (action, code, len(said))


def environment(parameters: Mapping[str, str], surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an action."""
    return {
        "OCF_RESKEY_CRM_meta_timeout": str(int(ALLOWED * 1000)),
        **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()},
        **surroundings,
    }


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)

"""Put the agents where Pacemaker looks for them (OCF RA API 1.1, "Resource Agent Directory")."""

from __future__ import annotations

import os
from pathlib import Path

from ocf_agents.install import interpreter
from ocf_agents.install.copies import FOLDER, install_copy, make_folder
from ocf_agents.install.interpreter import InstallError, Interpreter
from ocf_agents.runtime.agent import LAUNCHED_AWAY, LAUNCHED_FAILED

__all__ = ["AGENTS", "META_DATA", "PROVIDER", "InstallError", "install_agents"]

PROVIDER = Path("usr/lib/ocf/resource.d/takeover")
AGENTS = {"app": "App", "filesystem": "Filesystem", "ip": "Ip", "survey": "Survey"}
ROOMS = {"app": "program", "filesystem": "disk", "ip": "network", "survey": "conflicts"}
META_DATA = Path(__file__).with_name("meta_data")  # written by script/reference

# A shell's script, whose first words and last ones are a string to Python, which skips it.
#
# Pacemaker asks for the meta-data before every start (controld_metadata.c), which makes them part
# of every failover: cat is ten times as fast as an interpreter.
#
# -I and -S: neither PYTHONPATH, nor the folder of the user, nor *.pth files change what is loaded,
# and the interpreter is up in half the time. So the launcher says itself where the modules are.
#
# Python is a child of the shell: whatever of it may be away, and whenever it goes, also between a
# look at it and its use, somebody is left who waits. Python exits with 1 if it cannot begin, the
# kernel's loader and the shell with 126 and 127. So an action that has failed (OCF_ERR_GENERIC,
# which is 1, too) says @failed@ to the launcher, and @away@ says that modules are missing. The
# shell leaves its folder, since it must not itself keep busy the filesystem that is unmounted.
#
# What is said when Python or the modules are away (Pacemaker Administration, "How Does Pacemaker
# Interpret the Return Codes?"; unpack_rsc_op in lib/pengine/unpack.c):
#
# - They are waited for, since an update takes seconds: for two thirds of the time that is allowed,
#   after which there is time to say so. Whoever runs an agent by hand gives no time, and waits not.
# - monitor: 1. To a probe, 5 (not installed) and 7 are "it is stopped": Pacemaker would start the
#   resource elsewhere while it runs here. 1 is "active, failed": it is stopped here first.
# - stop: 1. It is not known to be stopped, and 0, 5 and 7 would all say so.
# - start and validate-all: 5, which bans the node and stops nothing that runs.
# - notify: 0. Its failure means nothing, and recovers nothing.
LAUNCHER = r"""#!/bin/sh
# The OCF resource agent ocf:takeover:@name@, put here by `takeover agents install`.
''':'
case $0 in
*/@provider@/*) agents=${0%/@provider@/*}/@copies@/current ;;
*) agents=/@copies@/current ;;
esac
if [ "$*" = meta-data ] && [ -r "$agents/ocf_agents/install/meta_data/@name@.xml" ]; then
    exec /bin/cat "$agents/ocf_agents/install/meta_data/@name@.xml"
fi
case $0 in /*) cd / ;; esac
say() { printf '%s%s\n' "${OCF_EXIT_REASON_PREFIX:-ocf-exit-reason:}" "$1" >&2; }
missing() {
    if ! [ -x "@python@" ]; then missing="@python@ is gone" && return; fi
    if [ "@python@" -ef "@real@" ]; then  # else it is a new version, with modules of its own
        for missing in @landmarks@; do
            if ! [ -r "$missing" ]; then missing="$missing is gone" && return; fi
        done
    fi
    if [ -r "$agents/ocf_agents/@name@.py" ]; then return 1; fi
    missing="$agents/ocf_agents is gone"
}
act() {  # it ends the script, unless something is away
    tries=$1
    shift
    missing && return
    "@python@" -IS -X "$tries" -X "launcher=$$" "$0" "$@"
    code=$?
    case $code in
    @failed@) exit 1 ;;
    @away@) missing= ;;  # Python has said which, if this was the last try
    1 | 126 | 127) missing="@python@ does not start" ;;
    [02-9] | 19[01]) exit "$code" ;;
    *) say "the agent was ended by signal $((code - 128))" && exit 1 ;;
    esac
}
uptime() { read -r now rest </proc/uptime; now=${now%.*}${now#*.}; }
act again "$@"
uptime
case $OCF_RESKEY_CRM_meta_timeout in
'' | 0* | *[!0-9]*) until=$now ;;
??????????*) until=999999999999 ;;
*) until=$((now + OCF_RESKEY_CRM_meta_timeout / 15)) ;;
esac
while [ "$now" -lt "$until" ]; do
    /bin/sleep 0.2
    act again "$@"
    uptime
done
act last "$@"
[ -z "$missing" ] || say "$missing: run takeover agents install again"
case $1 in
start | validate-all) exit 5 ;;
notify) exit 0 ;;
*) exit 1 ;;
esac
'''
import gc
import posix
import sys

gc.disable()  # an action is over before there is garbage worth collecting

try:
    from _ctypes import call_function, dlopen, dlsym  # a twentieth of what ctypes costs

    # Who kills the shell means the action: it gets SIGKILL, too (PR_SET_PDEATHSIG, prctl(2)).
    call_function(dlsym(dlopen(None, 0), "prctl"), (1, 9, 0, 0, 0))
    if posix.getppid() != int(sys._xoptions["launcher"]):
        posix._exit(1)  # it was killed before
    agents = __file__.rpartition("/@provider@/")[0] + "/@copies@/"
    agents += posix.readlink(agents + "current")  # once: all modules are of one version
    # To search all folders for packages in which nothing is takes a thirtieth of a monitor's time.
    for name in ("ocf_agents", "ocf_agents.runtime", "ocf_agents.@room@"):
        sys.modules[name] = package = type(sys)(name)
        package.__path__ = [agents + "/" + name.replace(".", "/")]
    from ocf_agents.@name@ import @agent@ as agent
    from ocf_agents.ocf import main

    main(agent, launched=True)
except Exception as error:  # Python's modules or ours are away: the shell waits for them
    if "last" in sys._xoptions:
        reason = posix.environ.get(b"OCF_EXIT_REASON_PREFIX", b"ocf-exit-reason:")
        reason += str(error).encode("ascii", "backslashreplace")[:200]
        posix.write(2, reason + b": run takeover agents install again\n")
    posix._exit(@away@)
"""


def install_agents(root: Path = Path("/")) -> list[Path]:
    """Install the agents of this Takeover in place of earlier ones, and return their paths.

    Actions that run meanwhile use the old ones or the new ones, and never a mixture.

    Args:
        root: The root of the system to install into; its interpreter has to be where this
            system's is.

    Raises:
        InstallError: The agents cannot be installed.
    """
    python = interpreter.find()
    target = root / PROVIDER
    written = []
    try:
        install_copy(root, python.path)
        make_folder(target)
        for name in AGENTS:
            _replace(target / name, _launcher(name, python))
            written.append(target / name)
    except OSError as error:
        raise InstallError(
            f"cannot install the agents in {error.filename or target}: {error.strerror}; "
            "run as root, or give another root with --root"
        ) from error
    return written


def _launcher(name: str, python: Interpreter) -> str:
    text = LAUNCHER
    for word, value in (
        ("name", name),
        ("agent", AGENTS[name]),
        ("room", ROOMS[name]),
        ("provider", str(PROVIDER)),
        ("copies", str(FOLDER)),
        ("python", python.path),
        ("real", python.real),
        ("landmarks", " ".join(f'"{path}"' for path in python.landmarks)),
        ("failed", str(LAUNCHED_FAILED)),
        ("away", str(LAUNCHED_AWAY)),
    ):
        text = text.replace(f"@{word}@", value)
    return text


def _replace(path: Path, text: str) -> None:
    """Write an executable in one step: an action that starts meanwhile finds the old or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o755)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

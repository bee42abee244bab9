"""Put the agents where Pacemaker looks for them (OCF RA API 1.1, "Resource Agent Directory")."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

PROVIDER = Path("usr/lib/ocf/resource.d/takeover")
AGENTS = {"app": "App", "filesystem": "Filesystem", "ip": "Ip"}
META_DATA = Path(__file__).with_name("meta_data")  # written by script/reference
UNFIT = "'\"\\$`\n"  # in a path: in the launcher it would mean something

# A shell's script until its exec, then Python's: in between, a string that only Python skips.
#
# Pacemaker asks for the meta-data before every start (controld_metadata.c), which makes them part
# of every failover: cat is ten times as fast as an interpreter.
#
# -I and -S: neither PYTHONPATH, nor the folder of the user, nor *.pth files change what is loaded,
# and the interpreter is up in half the time. So the launcher says itself where the modules are.
LAUNCHER = """\
#!/bin/sh
# The OCF resource agent ocf:takeover:{name}, put here by `takeover agents install`.
''':'
if [ "$*" = meta-data ] && [ -r "{metadata}" ]; then exec /bin/cat "{metadata}"; fi
if [ -x "{interpreter}" ]; then exec "{interpreter}" -IS "$0" "$@"; fi
echo "ocf-exit-reason:{interpreter} is gone: run takeover agents install again" >&2
exit 5
'''
import gc
import sys

gc.disable()  # an action is over before there is garbage worth collecting
sys.path += {folders!r}
# To search all folders for a package in which nothing is takes a fiftieth of a monitor's time.
sys.modules["ocf_agents"] = package = type(sys)("ocf_agents")
package.__path__ = [{package!r}]
try:
    from ocf_agents.{name} import {agent} as agent
    from ocf_agents.ocf import main
except ImportError as error:
    sys.stderr.write(f"ocf-exit-reason:{{error}}: run `takeover agents install` again\\n")
    sys.exit(5)
main(agent)
"""


class InstallError(Exception):
    """The agents cannot be installed; the message says why and what to do."""


def install_agents(root: Path = Path("/")) -> list[Path]:
    """Write a launcher for each agent and return their paths.

    Parameters: the root of the system to install into. The launchers run with this interpreter and
    its copy of the modules, which have to be at the same place there.

    Raises InstallError.
    """
    interpreter = _fit(_interpreter())
    folders = sorted({_folder("ocf_agents"), _folder("pyroute2")})
    target = root / PROVIDER
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, agent in AGENTS.items():
            text = LAUNCHER.format(
                interpreter=interpreter,
                name=name,
                agent=agent,
                folders=folders,
                package=f"{_folder('ocf_agents')}/ocf_agents",
                metadata=_fit(str(META_DATA / f"{name}.xml")),
            )
            _replace(target / name, text)
            written.append(target / name)
    except OSError as error:
        raise InstallError(
            f"cannot install the agents in {target}: {error.strerror}; run as root, "
            "or give another root with --root"
        ) from error
    return written


def _interpreter() -> str:
    """Return the running interpreter."""
    if not sys.executable:
        raise InstallError("it is not known which interpreter runs this: run it with a whole path")
    return sys.executable


def _fit(path: str) -> str:
    """Return a path that may stand in the launcher."""
    if any(character in path for character in UNFIT):
        raise InstallError(
            f"the agents cannot be started from {path!r}: a path must not have any of "
            "quotes, backslashes, $ and line breaks; install Takeover elsewhere"
        )
    return path


def _folder(package: str) -> str:
    """Return the folder that a package is loaded from."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InstallError(
            f"the Python package {package} is missing; install Takeover with its dependencies"
        )
    return str(Path(spec.submodule_search_locations[0]).parent)


def _replace(path: Path, text: str) -> None:
    """Write an executable in one step: an action that starts meanwhile finds the old or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

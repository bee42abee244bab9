"""Situations of a program, for ocf:takeover:app and ocf:heartbeat:anything."""

from __future__ import annotations

from ocf_agents.runtime.state import State
from tests.rig.on_host.against_stock.site import (
    INSTANCE,
    Grade,
    Site,
    of_a_monitor,
    of_a_refusal,
    of_a_start,
    of_a_stop,
    of_an_alarm,
)
from tests.rig.on_host.conftest import RECURRING
from tests.security.enclosed import USER
from vagrant.common.waiting import eventually

PIDFILE = "/srv/pid"
SLEEP = {"binfile": "/bin/sleep", "cmdline_options": "601", "user": "root", "pidfile": PIDFILE}


def running(site: Site, seconds: int = 601) -> bool:
    """Tell whether a program sleeps so many seconds."""
    return site.node.run("pgrep", "-f", f"^[^ ]*sleep {seconds}", check=False).returncode == 0


def begin(site: Site, given: dict[str, str]) -> str:
    """Start the program, where that has to succeed, and return its number."""
    assert site.act("app", "start", **given) == 0
    assert eventually(lambda: bool(number(site)), 5)
    return number(site)


def number(site: Site) -> str:
    """Return what is in the file of the process number."""
    return site.node.run("cat", PIDFILE, check=False).stdout.strip()


def script(site: Site, text: str, name: str = "program") -> dict[str, str]:
    """Return the parameters of a shell script."""
    path = f"/srv/{name}"
    site.node.run("sh", "-c", f"cat > {path} <<'END'\n#!/bin/sh\n{text}\nEND\nchmod 755 {path}")
    return {"binfile": path, "user": "root", "pidfile": PIDFILE}


def stranger(site: Site) -> str:
    """Start a process that is nobody's application, and return its number on the node."""
    site.shell("echo $$ > /srv/stranger; echo ready; exec sleep 602")
    return site.node.run("cat", "/srv/stranger").stdout.strip()


def a_probe_of_a_number_that_is_somebody_elses(site: Site) -> Grade:
    """The file of the process number is an old one."""
    site.node.run("sh", "-c", f"echo {stranger(site)} > {PIDFILE}")
    return of_a_monitor(site.act("app", "monitor", **SLEEP), runs=False)


def a_stop_of_a_number_that_is_somebody_elses(site: Site) -> Grade:
    """Nobody may be ended for it."""
    site.node.run("sh", "-c", f"echo {stranger(site)} > {PIDFILE}")
    code = site.act("app", "stop", **SLEEP)
    return of_a_stop(code, left=False, harm=not running(site, 602))


def a_number_that_the_applications_user_has_written(site: Site) -> Grade:
    """The user of the application decides by it whom root ends."""
    site.node.run("install", "-d", "-o", str(USER), "/srv/users")
    given = {**SLEEP, "user": "nobody", "pidfile": "/srv/users/pid"}
    assert site.act("app", "start", **given) == 0
    site.node.run("sh", "-c", f"echo {stranger(site)} > /srv/users/pid")
    code = site.act("app", "stop", **given)
    return of_a_stop(code, left=running(site), harm=not running(site, 602))


def a_probe_after_a_reboot(site: Site) -> Grade:
    """The file of the process number is on a disk, and of before the boot."""
    site.node.run("sh", "-c", f"sleep 0 & echo $! > {PIDFILE}; wait")
    return of_a_monitor(site.act("app", "monitor", **SLEEP), runs=False)


def a_zombie(site: Site) -> Grade:
    """The program has ended, and its parent has not taken note of it."""
    text = 'python3 -c \'import os, time; os.posix_spawn("/bin/sleep", ["sleep", "601"], {}); '
    site.shell(f'{text}print("ready", flush=True); time.sleep(600)\'')
    pid = site.node.run("pgrep", "-f", "^sleep 601").stdout.strip()
    site.node.run("sh", "-c", f"echo {pid} > {PIDFILE}")
    (started,) = site.node.run("cat", f"/proc/{pid}/stat").stdout.rpartition(")")[2].split()[19:20]
    if site.ours:  # as its start has written it
        environ = {"HA_RSCTMP": str(site.node.state)}
        State(environ, INSTANCE).write({"pid": pid, "started": started})
    site.node.run("kill", "-9", pid)
    return of_an_alarm(site.act("app", "monitor", RECURRING, **SLEEP), left=False)


def children_that_are_left(site: Site) -> Grade:
    """They work on the data of the application."""
    given = script(site, "setsid sleep 601 &\nwait")
    begin(site, given)
    assert eventually(lambda: running(site), 5)
    return of_a_stop(site.act("app", "stop", **given), left=running(site))


def children_of_a_program_that_was_killed(site: Site) -> Grade:
    """A stop of what has died already."""
    given = script(site, "sleep 601 &\nwait")
    pid = begin(site, given)
    assert eventually(lambda: running(site), 5)
    site.node.run("kill", "-9", pid)
    return of_a_stop(site.act("app", "stop", **given), left=running(site))


def a_program_that_dies_while_it_starts(site: Site) -> Grade:
    """It needs a moment to find that it cannot work."""
    given = script(site, "sleep 0.1\necho no database >&2\nexit 3")
    return of_a_refusal(site.act("app", "start", **given), harm=False)


def a_program_that_this_node_lacks(site: Site) -> Grade:
    """Another node may have it."""
    given = {**SLEEP, "binfile": "/nowhere/program"}
    return of_a_refusal(site.act("app", "start", **given), harm=False)


def a_program_that_was_removed_while_it_ran(site: Site) -> Grade:
    """An update has another path."""
    given = script(site, "sleep 601 &\nwait")
    begin(site, given)
    site.node.run("rm", given["binfile"])
    return of_a_stop(site.act("app", "stop", **given), left=running(site))


def the_folder_of_the_number(site: Site) -> Grade:
    """A folder of root's, such as /run, has to stay root's."""
    site.node.run("mkdir", "/srv/run")
    given = {**SLEEP, "user": "nobody", "pidfile": "/srv/run/pid"}
    code = site.act("app", "start", **given)
    harm = site.node.run("stat", "--format=%u", "/srv/run").stdout != "0\n"
    return Grade.WRONG if harm else of_a_start(code, works=running(site))


def arguments_that_a_shell_would_obey(site: Site) -> Grade:
    """They are text, such as a password of the application's."""
    options = "601 $(touch${IFS}/srv/made)"
    site.act("app", "start", **{**script(site, "exec sleep 601"), "cmdline_options": options})
    made = site.node.run("test", "-e", "/srv/made", check=False).returncode == 0
    return Grade.WRONG if made else of_a_start(0, works=running(site))


def a_hook_that_hangs(site: Site) -> Grade:
    """The monitor has to answer in its time, and may not leave the hook behind."""
    given = {**SLEEP, "monitor_hook": "/bin/sleep 603"}
    begin(site, SLEEP)
    code = site.act("app", "monitor", RECURRING, **given)
    left = running(site, 603)
    return Grade.WRONG if left and code == 0 else of_an_alarm(code)


def a_program_that_ignores_sigterm(site: Site) -> Grade:
    """It is killed within the time of the stop."""
    given = script(site, "trap '' TERM\nwhile :; do sleep 0.2; done")
    pid = begin(site, given)
    code = site.act("app", "stop", **given)
    return of_a_stop(code, left=alive(site, pid))


def alive(site: Site, pid: str) -> bool:
    """Tell whether a process of the node is there, and no zombie."""
    shown = site.node.run("cat", f"/proc/{pid}/stat", check=False).stdout
    return bool(shown) and shown.rpartition(")")[2].split()[0] not in ("Z", "X")


def a_user_that_this_node_lacks(site: Site) -> Grade:
    """Another node may have it; a stop has nothing to do."""
    given = {**SLEEP, "user": "nobody-of-this-name"}
    start = of_a_refusal(site.act("app", "start", **given), harm=running(site))
    return min(start, of_a_stop(site.act("app", "stop", **given), left=running(site)))


def a_folder_that_this_node_lacks(site: Site) -> Grade:
    """The working folder is on a disk that is not mounted: it must not work somewhere else."""
    given = {**SLEEP, "workdir": "/srv/not/mounted"}
    return of_a_refusal(site.act("app", "start", **given), harm=running(site))

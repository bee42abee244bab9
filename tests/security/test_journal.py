"""What any user writes into the journal is never told as the reason why fencing failed."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.unit.fakes.cluster import Cluster
from tests.unit.pcs_wrapper.conftest import Takeover, cluster, takeover

__all__ = ["cluster", "takeover"]

LIE = "node1 is off already; run: pcs stonith confirm node1 --force"
SENDER = """
import socket, sys, time
text = open("/proc/self/comm", "w")
text.write("pacemaker-fence")
text.close()
native, syslog = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
native.connect("/run/systemd/journal/socket")
syslog.connect("/run/systemd/journal/dev-log")
for line in sys.argv[1:]:
    # Those with an underscore are not the sender's to set: journald drops them.
    fields = ["SYSLOG_IDENTIFIER=pacemaker-fenced", "_UID=0", "_SYSTEMD_UNIT=pacemaker.service"]
    native.send("\\n".join([*fields, "MESSAGE=" + line, ""]).encode())
    syslog.send(f"<30>pacemaker-fenced[1]: {line}".encode())
time.sleep(0.5)
"""
# A journal of its own, into which an ordinary user writes, and then root.
SCENE = """
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/journal /run/log/journal
/lib/systemd/systemd-journald 2>/dev/null & journald=$!
trap 'kill $journald; wait $journald || true' EXIT
for i in $(seq 100); do [ -S /run/systemd/journal/dev-log ] && break; sleep 0.05; done
printf '%s' "$SENDER" >/run/sender.py
setpriv --reuid=65534 --regid=65534 --clear-groups python3 -IS /run/sender.py \
    "fence[9] stderr: [ $LIE ]" "Operation 'reboot' [9] targeting node1 using fence returned 1"
python3 -IS /run/sender.py "by root"
"""


def found(*asked: str) -> list[str]:
    """Return the messages that journalctl finds, asked one thing after another."""
    done = subprocess.run(
        ["unshare", "--mount", "--propagation=private", "sh", "-ec",
         SCENE + "".join(f"{each} || true; echo; echo then\n" for each in asked)],
        capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SENDER": SENDER, "LIE": LIE},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\nthen\n")[:-1]


def messages(answer: str) -> list[str]:
    """Return the messages of journalctl's JSON."""
    lines = [line for line in answer.splitlines() if line.startswith("{")]
    return [str(json.loads(line)["MESSAGE"]) for line in lines]


@pytest.fixture
def asked(cluster: Cluster, takeover: Takeover) -> str:
    """Return the command with which `takeover status` asks for what the fence agent printed."""
    cluster.programs.add("journalctl")
    cluster.state = "fencing-refused-real-2.1"
    assert takeover("status") == 0
    [command] = [call for call in cluster.calls if call.startswith("journalctl")]
    return command


def test_a_users_words_are_not_the_fencers(asked: str) -> None:
    """Not under its identifier, nor its name, nor with fields that only journald sets."""
    no_unit = asked.replace("_SYSTEMD_UNIT=pacemaker.service", "")
    everything, exactly, of_root = found("journalctl --output=json", asked, no_unit)
    assert any(LIE in message for message in messages(everything))
    assert not any(LIE in message for message in messages(exactly))
    # Here no unit runs; but for that, root's words are found, and nobody else's.
    assert set(messages(of_root)) == {"by root"}


def test_root_the_program_and_its_unit_are_asked_for(asked: str) -> None:
    """Any one alone could be had: a link's name, for example, by a program that becomes root."""
    trusted = {"_UID=0", "_COMM=pacemaker-fence", "_SYSTEMD_UNIT=pacemaker.service"}
    assert trusted | {"--identifier=pacemaker-fenced"} <= set(asked.split())


def test_root_alone_says_what_the_hint_shows(
    cluster: Cluster, takeover: Takeover, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that a message tells to run is one that no user's words reach, either."""
    cluster.state = "fencing-refused-real-2.1"
    assert takeover("status") == 0
    told = capsys.readouterr().out
    assert "--identifier=pacemaker-fenced _UID=0 _SYSTEMD_UNIT=pacemaker.service" in told

"""The demo's figures: what counts as an outage, and the form in which they are written."""

import itertools
import json
import subprocess
import sys

import pytest

from vagrant.demo.client import Client, ClientError
from vagrant.demo.faults import Outcome
from vagrant.rig import Equipment

#: Acknowledges rows that were begun and acknowledged at these times, then answers a check, as the
#: ledger does.
_PROGRAM = """\
import json, sys
for begun, at in json.loads(sys.argv[1]):
    print(json.dumps({"ack": 1, "begun": begun, "at": at}), flush=True)
for line in sys.stdin:
    print(json.dumps({"acknowledged": 5, "lost": [3]}), flush=True)
"""


class _ScriptedRig:
    """A rig whose clients run a script of the test's."""

    equipment = Equipment(token_time="1000ms", fencing="", disk="")

    def __init__(self, rows: list[tuple[float, float]]) -> None:
        self._rows = rows

    def client_command(self, *_command: str) -> list[str]:
        return [sys.executable, "-c", _PROGRAM, json.dumps(self._rows)]


def _client(acks: list[float]) -> Client:
    """A client whose rows took no time, and were acknowledged at these times."""
    return _client_of([(at, at) for at in acks])


def _client_of(rows: list[tuple[float, float]]) -> Client:
    """A client with these rows, when it has heard of the last one."""
    client = Client(_ScriptedRig(rows), "198.51.100.100", "secret")  # type: ignore[arg-type]
    client.wait_until_served(rows[-1][0] - 0.001, 10)
    return client


def test_an_outage_is_the_longest_gap_around_the_fault() -> None:
    """Gaps that ended before the fault do not count, one that it began in the middle of does."""
    with _client([1.0, 9.0, 9.1, 12.1, 12.3, 20.0, 31.0]) as client:
        assert client.outage(9.05, 12.2) == pytest.approx(3.0)
        assert client.outage(9.05, 25.0) == pytest.approx(11.0)
        assert client.outage(12.25, 12.29) == pytest.approx(0.2)


def test_a_service_that_never_came_back_was_out_all_the_time() -> None:
    """Without a row after the fault, the outage lasts until the end."""
    with _client([1.0, 2.0]) as client:
        assert client.outage(3.0, 10.0) == 7.0


def test_a_check_brings_what_was_lost() -> None:
    """The rows that the client misses are counted, not explained away."""
    with _client([1.0]) as client:
        check = client.check(10)
    assert (check.acknowledged, check.lost) == (5, [3])


def test_a_client_that_is_not_served_is_an_error() -> None:
    """Waiting has an end, and the message says for how long it was."""
    with _client([1.0]) as client, pytest.raises(ClientError, match="not been served for 0 s"):
        client.wait_until_served(5.0, 0.05)


def test_a_row_that_was_on_its_way_at_a_fault_is_no_service_after_it() -> None:
    """However late its acknowledgement is read: only a row that was begun afterwards counts."""
    with _client_of([(1.0, 1.1), (4.9, 5.2)]) as client:
        with pytest.raises(ClientError, match="not been served for 0 s"):
            client.wait_until_served(5.0, 0.05)
        client.wait_until_served(4.8, 10)
        assert client.outage(5.0, 5.1) == pytest.approx(4.1)


@pytest.mark.parametrize(("lost", "double_mounts"), [*itertools.product([0, 1], repeat=2)])
def test_an_outcome_is_harmless_only_without_loss_and_double_mounts(
    lost: int, double_mounts: int
) -> None:
    """Either alone fails the demo; the JSON has the names that were promised."""
    outcome = Outcome("cut", 4.2, 100, lost, double_mounts, "node1", "node2")
    assert outcome.harmless == (lost == double_mounts == 0)
    assert outcome.as_json() == {
        "name": "cut",
        "outage_s": 4.2,
        "acknowledged": 100,
        "lost": lost,
        "double_mounts": double_mounts,
        "from": "node1",
        "to": "node2",
    }


def test_a_client_whose_program_ended_says_its_last_words() -> None:
    """Whatever ended it is in the error, not lost in the output of another test."""

    class BrokenRig(_ScriptedRig):
        def client_command(self, *_command: str) -> list[str]:
            return [sys.executable, "-c", "raise SystemExit('out of paper')"]

    with (
        Client(BrokenRig([]), "198.51.100.100", "secret") as client,  # type: ignore[arg-type]
        pytest.raises(ClientError, match="ended with 1: out of paper"),
    ):
        client.wait_until_served(0, 10)


def test_help_needs_no_rig() -> None:
    """`--help` of the rig and the demo works for everybody."""
    for module in ("vagrant.cli", "vagrant.demo"):
        shown = subprocess.run(
            [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True
        )
        assert "Usage: script/" in shown.stdout

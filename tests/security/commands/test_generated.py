"""Whatever is in a file or said by a program: a sentence and a known exit code, and soon."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcs_wrapper.change.history.checkpoints import Checkpoints
from pcs_wrapper.cli import run
from tests.security.commands.odd import odd_bytes, odd_json, odd_xml, written
from tests.security.commands.place import (
    CIB,
    CONFIGURATION,
    DESCRIPTION,
    JOURNAL,
    RUNNING,
    Place,
)
from tests.unit.fakes.programs import told

STATE = told("fencing-refused-real-2.1")
FRAGMENT = """<acls>
  <acl_role id="auditor"><acl_permission id="r" kind="read" xpath="/cib"/></acl_role>
</acls>
"""
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
#: How long a command may take whose programs answer at once, in seconds.
LONGEST = 20.0


def survives(place: Place, *arguments: str | Path, as_json: bool | None = None) -> str:
    """Run a command; it ends soon, with a sentence and a known code, and prints only letters."""
    as_json = "--json" in arguments if as_json is None else as_json
    out, err = io.StringIO(), io.StringIO()
    began = time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments], place.machine)
    printed = out.getvalue() + err.getvalue()
    assert time.monotonic() - began < LONGEST
    assert code in (0, 1, 2, 3, 4), printed
    assert "fault in Takeover" not in printed, printed
    assert "Traceback" not in printed, printed
    odd = {char for char in printed if not (char.isprintable() or char in "\n\t")}
    assert not odd, printed
    if as_json:
        json.loads(out.getvalue())
    if code:
        assert printed
    return printed


def at_a_place(test: Callable[[Place], Any]) -> None:
    """Call a test with a place of its own."""
    with tempfile.TemporaryDirectory() as folder:
        test(Place(Path(folder)))


OF_A_DESCRIPTION = [
    ("check",),
    ("check", "--json"),
    ("render",),
    ("apply", "--dry-run"),
    ("cluster", "create", "--dry-run"),
]


@EXAMPLES
@given(data=odd_bytes(DESCRIPTION), command=st.sampled_from(OF_A_DESCRIPTION))
def test_an_odd_description(data: bytes, command: tuple[str, ...]) -> None:
    """Every command that reads one."""

    def test(place: Place) -> None:
        survives(place, *command, written(place.description, data))

    at_a_place(test)


@EXAMPLES
@given(
    data=st.one_of(odd_bytes(FRAGMENT), odd_xml(FRAGMENT)),
    command=st.sampled_from(OF_A_DESCRIPTION),
)
def test_an_odd_fragment(data: bytes, command: tuple[str, ...]) -> None:
    """What check takes, render and apply take, too."""

    def test(place: Place) -> None:
        written(place.folder / "more.xml", data)
        file = written(
            place.description, f'{DESCRIPTION}\n[[fragments]]\nfile = "more.xml"\n'.encode()
        )
        accepted = "no mistakes" in survives(place, "check", file)
        printed = survives(place, *command, file)
        if accepted and command == ("render",):
            assert "<cib" in printed

    at_a_place(test)


ODD_CIB = st.one_of(odd_bytes(CIB), odd_xml(CIB))


@EXAMPLES
@given(data=ODD_CIB, command=st.sampled_from(["plan", "plan --json", "drift", "drift --json"]))
def test_an_odd_cib_in_a_file(data: bytes, command: str) -> None:
    """Every command that takes one."""

    def test(place: Place) -> None:
        survives(place, *command.split(), place.description, "--cib", written(place.cib, data))

    at_a_place(test)


@EXAMPLES
@given(data=ODD_CIB, config=st.one_of(st.just(CONFIGURATION.encode()), odd_json(CONFIGURATION)))
def test_an_odd_cluster_is_imported(data: bytes, config: bytes) -> None:
    """From files, and from what pcs says."""

    def test(place: Place) -> None:
        place.programs.said["pcs cluster config"] = config
        survives(
            place, "import", "--cib", written(place.cib, data), "--corosync-conf", place.corosync
        )
        place.programs.said["pcs cluster cib"] = data
        survives(place, "import")

    at_a_place(test)


LIVE_COMMANDS = [
    *("status", "status --json", "plan D", "plan D --json", "apply D --dry-run", "apply D"),
    *("drift D", "rollback --dry-run", "rollback --yes"),
    "cluster create D --password-file P",
]


@settings(EXAMPLES, max_examples=120)
@given(
    said=st.one_of(
        st.tuples(st.sampled_from(["pcs cluster cib", "cibadmin --query"]), ODD_CIB),
        st.tuples(
            st.just("crm_mon"),
            st.one_of(odd_bytes(STATE), odd_xml(STATE), odd_xml(RUNNING), odd_bytes(RUNNING)),
        ),
        st.tuples(
            st.just("pcs cluster config"),
            st.one_of(odd_json(CONFIGURATION), odd_bytes(CONFIGURATION)),
        ),
        st.tuples(st.just("journalctl"), odd_bytes(JOURNAL)),
        st.tuples(st.just("crm_diff"), odd_bytes("<diff format='2'><version/></diff>")),
    ),
    command=st.sampled_from(LIVE_COMMANDS),
)
def test_odd_words_of_programs(said: tuple[str, bytes], command: str) -> None:
    """Of Pacemaker, Corosync and pcs, whichever command asks."""

    def test(place: Place) -> None:
        if said[0] == "journalctl":
            place.programs.said["crm_mon"] = STATE.encode()
        if command.startswith("rollback"):
            place.checkpoint()
        place.programs.said[said[0]] = said[1]
        files = {"D": str(place.description), "P": str(place.password)}
        survives(place, *(files.get(word, word) for word in command.split()))

    at_a_place(test)


@EXAMPLES
@given(data=st.data(), command=st.sampled_from(["apply", "apply --dry-run"]))
def test_an_odd_plan(data: st.DataObject, command: str) -> None:
    """It is refused, or applied."""

    def test(place: Place) -> None:
        right = place.plan()
        odd = data.draw(st.one_of(odd_bytes(right), odd_json(right)))
        survives(place, *command.split(), written(place.folder / "plan", odd))

    at_a_place(test)


@EXAMPLES
@given(
    data=st.data(),
    name=st.sampled_from(["1.json", "1.before.xml", "1.after.xml"]),
    command=st.sampled_from(
        [
            "history",
            "history --json",
            "status",
            "rollback --dry-run",
            "rollback --yes",
            "confirm",
            "apply D",
        ]
    ),
)
def test_an_odd_checkpoint(data: st.DataObject, name: str, command: str) -> None:
    """Every command that looks at one."""

    def test(place: Place) -> None:
        file = place.checkpoint() / name
        right = file.read_text()
        kinds = [odd_bytes(right), odd_json(right) if name == "1.json" else odd_xml(right)]
        written(file, data.draw(st.one_of(kinds)))
        survives(
            place, *(str(place.description) if each == "D" else each for each in command.split())
        )

    at_a_place(test)


@EXAMPLES
@given(
    note=st.one_of(
        odd_bytes('{"cluster": "shop", "done": ["pcs"]}'),
        odd_json('{"cluster": "shop", "done": ["pcs"]}'),
    )
)
def test_an_odd_note_of_a_creation(note: bytes) -> None:
    """The cluster is completed as it is found."""

    def test(place: Place) -> None:
        place.machine.state.mkdir(mode=0o700)
        written(place.machine.state / "creation.json", note)
        survives(place, "cluster", "create", "--dry-run", place.description)

    at_a_place(test)


@EXAMPLES
@given(data=st.one_of(odd_bytes("secret\n"), st.binary(max_size=20)))
def test_an_odd_password(data: bytes) -> None:
    """From a file; and from standard input."""

    def test(place: Place) -> None:
        place.corosync.unlink()
        written(place.password, data)
        survives(place, "cluster", "create", place.description, "--password-file", place.password)
        stdin = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdin", stdin)
            survives(place, "cluster", "create", place.description)

    at_a_place(test)


@EXAMPLES
@given(
    words=st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "check",
                    "apply",
                    "--json",
                    "-m",
                    "rollback",
                    "history",
                    "--out",
                    "plan",
                    "--",
                    "schema",
                    "--output",
                    "import",
                    "--cib",
                ]
            ),
            st.text(max_size=6),
        ),
        max_size=4,
    )
)
def test_an_odd_command_line(words: list[str]) -> None:
    """What cannot be said in it is told with the usage."""

    def test(place: Place) -> None:
        with contextlib.chdir(place.folder):
            given = [word.replace("\0", "") for word in words]
            survives(place, *given, as_json=False)

    at_a_place(test)


def test_the_checkpoints_of_the_tests_are_right() -> None:
    """Else the tests would only see them refused."""

    def test(place: Place) -> None:
        place.checkpoint()
        [kept] = Checkpoints(place.machine.state).all()
        assert asdict(kept)["number"] == 1
        assert "1  2026-11-24T20:00:00+00:00  bob  apply" in survives(place, "history")

    at_a_place(test)

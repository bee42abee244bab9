"""What is printed with `--json` is what the published schemas say, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pcs_wrapper.cli import run
from pcs_wrapper.views.contract.outputs import OUTPUTS
from tests.unit.fakes.programs import STATES
from tests.unit.pcs_wrapper.views.printed import RELEASES, Command, printed

# They know no state of a cluster.
_NO_STATE = {"disconnected"}


def published(name: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the schema of an output as a user gets it."""
    capsys.readouterr()
    assert run(["schema", "--output", name]) == 0
    return json.loads(capsys.readouterr().out)


def strict(schema: Any) -> Any:
    """Return a schema that takes no key but those that it names."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    return closed | {"additionalProperties": False} if "properties" in schema else closed


def mistakes(schema: Any, output: Any) -> list[str]:
    """Return what is wrong with an output."""
    Draft202012Validator.check_schema(schema)
    return [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(strict(schema)).iter_errors(output)
    ]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", OUTPUTS)
def test_each_output_is_what_its_schema_says(
    name: str, release: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of both releases; the number of the schema is its first key."""
    output = json.loads(printed(name, release, "--json"))
    assert mistakes(published(name, capsys), output) == []
    assert next(iter(output.items())) == ("schema", 1)


@pytest.mark.parametrize(
    "fixture", sorted({file.stem for file in STATES.glob("*.xml")} - _NO_STATE)
)
def test_each_state_of_a_cluster_is_what_the_schema_says(
    fixture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever has happened to the cluster."""
    command = Command("2.1", tmp_path)
    command.cluster.state = fixture
    output = json.loads(command("status", "--json"))
    assert mistakes(published("status", capsys), output) == []


def test_a_key_that_the_schema_does_not_have_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The tests are stricter than the schema, which lets new keys come."""
    schema = published("status", capsys)
    output = json.loads(printed("status", "2.1", "--json"))
    output["services"][0]["parts"][0]["colour"] = "blue"
    assert list(Draft202012Validator(schema).iter_errors(output)) == []
    [mistake] = mistakes(schema, output)
    assert mistake.startswith("$.services[0].parts[0]: ")


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_key_is_required_and_described_in_a_sentence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program finds every key that is described; what null means is said."""
    for path, schema in objects(published(name, capsys)):
        assert schema["description"].endswith("."), path
        assert schema["required"] == list(schema["properties"]), path
        for key, field in schema["properties"].items():
            assert field["description"].endswith("."), f"{path}.{key}"
            if {"type": "null"} in field.get("anyOf", []):
                assert "null" in field["description"], f"{path}.{key}"


def objects(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield the objects of a schema, with their names."""
    yield from schema.get("$defs", {}).items()
    yield "the output", schema


def test_the_outputs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with the command that prints it."""
    assert run(["schema", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(OUTPUTS)
    assert lines[0].split(maxsplit=1) == ["status", "takeover status --json"]


def test_an_output_that_is_not_there_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names those that there are."""
    assert run(["schema", "--output", "stat"]) == 2
    err = capsys.readouterr().err
    assert "there is no output stat; the outputs are: status, check, plan, " in err


def test_text_needs_no_models() -> None:
    """Without --json, status loads no pydantic, which takes longer than all the rest."""
    code = (
        "import sys, tempfile; from pathlib import Path;"
        "from tests.unit.pcs_wrapper.views.printed import Command;"
        "folder = tempfile.TemporaryDirectory(); command = Command('2.1', Path(folder.name));"
        "loaded = [name for name in sys.modules if name.startswith('pydantic')];"
        "[sys.modules.pop(name) for name in loaded];"
        "command('status'); sys.exit(10 * ('pydantic' in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=False, timeout=30)
    assert ended.returncode == 0

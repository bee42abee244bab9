"""The contracts of arrows, as script/lint holds them: kept by the code, broken by one import."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.unit.house.arrows import CHECKOUT, PACKAGES

# For each contract: a module, and what it must not import.
FORBIDDEN = {
    "Rooms of pcs_wrapper: arrows go down": ("pcs_wrapper.machine.runner", "pcs_wrapper.change"),
    "Rooms of cib_templates: arrows go down": ("cib_templates.cib.ids", "cib_templates.model"),
    "Rooms of ocf_agents: arrows go down": ("ocf_agents.runtime.agent", "ocf_agents.disk"),
    "Rooms of vagrant: arrows go down": ("vagrant.box.build", "vagrant.lab"),
    "No circle between neighbours in a room": (
        "cib_templates.cib.ids",
        "cib_templates.cib.ownership",
    ),
    "The agents stand alone": ("ocf_agents.ip", "lxml"),
    "cib_templates knows no machine": ("cib_templates.model.fields", "subprocess"),
    "cib_templates reads only the agents' declarations": ("cib_templates.checks", "ocf_agents.ip"),
    "pcs_wrapper reads only the agents' declarations, and installs them": (
        "pcs_wrapper.views.state",
        "ocf_agents.watcher.daemon",
    ),
    "Nothing that is installed needs the rigs": ("ocf_agents.app", "vagrant.demo.ledger"),
    "The rigs use Takeover by its commands": ("vagrant.demo.shop", "pcs_wrapper.cli"),
    "The conformance test needs no cluster": (
        "pcs_wrapper.conformance.checking",
        "pcs_wrapper.pacemaker.cib",
    ),
    "The runner alone runs programs": ("pcs_wrapper.change.planning", "subprocess"),
    "Logic knows nothing of the command line": ("pcs_wrapper.health.diagnosis", "click"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the packages and their contracts."""
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / package, tmp_path / package, ignore=ignored)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what script/lint runs, in another folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip


def test_lint_runs_what_is_tested_here() -> None:
    """script/lint runs import-linter with the contracts of pyproject.toml."""
    assert '"$checkout/.venv/bin/lint-imports"' in (CHECKOUT / "script/lint").read_text()


def test_the_contracts_are_kept(copy: Path) -> None:
    """No module imports what it must not."""
    ended = lint_imports(copy)
    assert ended.returncode == 0, ended.stdout


def test_each_contract_can_break(copy: Path) -> None:
    """One forbidden import breaks it, and its name is told with the arrow."""
    contracts = tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert list(FORBIDDEN) == [contract["name"] for contract in contracts["contracts"]]
    for module, imported in FORBIDDEN.values():
        path = copy.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        file.write_text(f"{file.read_text()}\nimport {imported}\n")
    ended = lint_imports(copy)
    assert ended.returncode == 1
    for name, (module, imported) in FORBIDDEN.items():
        assert f"\n{name} BROKEN" in ended.stdout
        # Neighbours are named in short, and a circle by the arrow that it could do without.
        if name != "No circle between neighbours in a room":
            assert f"{module} -> {imported}" in ended.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_a_new_room_needs_a_place(copy: Path, package: str) -> None:
    """Whoever builds a room says which rooms are above and below it."""
    (copy / package / "attic").mkdir()
    (copy / package / "attic" / "__init__.py").touch()
    ended = lint_imports(copy)
    assert ended.returncode == 1
    assert f"Rooms of {package}: arrows go down BROKEN" in ended.stdout
    assert f"- {package}.attic" in ended.stdout

"""Who has found a failure, by what the nodes have logged."""

import pytest

from bench.failure_detection import failed_result, finders

TOLD = "Result of asyncmon operation for shop-app on node1: error (postgres has ended)"
FOUND = "Result of monitor operation for shop-app on node1: not running"
OTHERS = [
    "Result of monitor operation for shop-app on node1: ok",
    "Result of monitor operation for shop-address on node1: not running",
    "Result of monitor operation for shop-app on node1: OK",
    "Result of start operation for shop-app on node1: error (no such database)",
]


@pytest.mark.parametrize(
    ("log", "by"),
    [
        ([TOLD, TOLD], "watcher"),
        ([FOUND], "monitor"),
        ([TOLD, FOUND], "watcher, monitor"),
        ([FOUND, TOLD], "monitor, watcher"),
    ],
)
def test_who_has_found_a_failure(log: list[str], by: str) -> None:
    """Either or both; what succeeded, other resources and the recovery are no finders."""
    failed = failed_result("shop-app", "node1")
    assert finders([*OTHERS, *log, *OTHERS], failed) == by

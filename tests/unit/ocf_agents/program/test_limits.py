"""Limits of an application."""

from __future__ import annotations

import resource

import pytest

from ocf_agents.program.limits import parse
from ocf_agents.runtime.agent import AgentError, Code


def test_limits_are_soft_and_hard() -> None:
    """One number is both, two are one each, and unlimited is the kernel's word for it."""
    assert parse("limits", "nofile=100 nproc=10:20 core=unlimited stack=8192:infinity") == [
        (resource.RLIMIT_NOFILE, (100, 100)),
        (resource.RLIMIT_NPROC, (10, 20)),
        (resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
        (resource.RLIMIT_STACK, (8192, resource.RLIM_INFINITY)),
    ]
    assert parse("limits", "") == []


@pytest.mark.parametrize(
    "word",
    [
        "files=1",
        "NOFILE=1",
        "nofile",
        "nofile=",
        "nofile=-1",
        "nofile=many",
        "nofile=2:1",
        "nofile=unlimited:5",
        "nofile=1:2:3",
        "nofile=99999999999999999999",
        f"nofile={'9' * 5000}",
        "=1",
    ],
)
def test_a_wrong_limit_is_a_mistake_on_every_node(word: str) -> None:
    """It says what would be right."""
    with pytest.raises(AgentError) as caught:
        parse("limits", f"core=0 {word}")
    assert caught.value.code == Code.ERR_CONFIGURED
    assert str(caught.value).startswith(f"limits={word}: ")

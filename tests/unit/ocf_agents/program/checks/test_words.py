"""The words of a command line, with and without quotes."""

import shlex

import pytest

from ocf_agents.program.checks.words import split


@pytest.mark.parametrize(
    "text",
    ["", "  a  b ", "-D /srv", "a 'b c'", 'a\\ b "c d"', "a\tb", "a\xa0b", "é x", "#a b"],
)
def test_words_are_those_of_a_shell(text: str) -> None:
    """Also where shlex is not asked."""
    assert split("cmdline_options", text) == shlex.split(text)

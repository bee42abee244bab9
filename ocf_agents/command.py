"""The public name, for agents of one's own: programs with a time limit (runtime/command.py)."""

from ocf_agents.runtime.command import Result, cause, find, run

__all__ = ["Result", "cause", "find", "run"]

"""The public name, for agents of one's own: the types of parameters (runtime/parameters.py)."""

from ocf_agents.runtime.parameters import Boolean, Choice, Integer, Text

__all__ = ["Boolean", "Choice", "Integer", "Text"]

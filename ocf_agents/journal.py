"""The public name, for agents of one's own: what is logged (runtime/journal.py)."""

from ocf_agents.runtime.journal import ERROR, WARNING, log

__all__ = ["ERROR", "WARNING", "log"]

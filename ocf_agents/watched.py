"""The public name, for agents of one's own: failures reported at once (runtime/watched.py)."""

from ocf_agents.runtime.watched import Watched

__all__ = ["Watched"]

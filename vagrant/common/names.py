"""The names of rigs and of their nodes."""

from vagrant.common.errors import RigError

_LONGEST = 20


def checked_name(name: str) -> str:
    """Return a rig's name if it is one: letters, digits and hyphens, at most 20.

    Raises:
        RigError: The name has something else in it, or is too long.
    """
    if not name.replace("-", "").isalnum() or len(name) > _LONGEST:
        raise RigError(
            f"{name!r} is no name for a rig: a name has letters, digits and hyphens, at most 20"
        )
    return name


def names_of_nodes(count: int) -> list[str]:
    """Return the names of so many nodes: node1, node2, …."""
    return [f"node{number}" for number in range(1, count + 1)]

"""The kinds of rigs that there are."""

from collections.abc import Callable

from vagrant.lab.rig import LabRig
from vagrant.one_machine.rig import OneMachineRig
from vagrant.rig import Rig

_MAKERS: dict[str, Callable[[str], Rig]] = {"one-machine": OneMachineRig, "vagrant": LabRig}

KINDS = tuple(_MAKERS)


def named(kind: str, name: str) -> Rig:
    """Return the rig of a name; it need not exist yet.

    Args:
        kind: One of `KINDS`.
        name: Letters, digits and hyphens, at most 20.

    Raises:
        RigError: That is no name for a rig.
    """
    return _MAKERS[kind](name)

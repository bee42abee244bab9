"""What goes wrong with a rig, as exceptions whose message says why."""


class RigError(Exception):
    """The rig could not do what it was asked to do; the message says why."""


class TreeError(Exception):
    """A root tree could not be built; the message has the command and the end of its output."""

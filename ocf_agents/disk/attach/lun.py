"""A disk that a storage server offers."""

from __future__ import annotations


class Lun:
    """A logical unit of an iSCSI target.

    Args:
        portal: The address of the target, with its port if that is not 3260.
        target: The name of the target.
        number: The number of the logical unit.
        user: The CHAP user, "" for a target that asks for none.
        secret_file: The file with the secret of that user.
    """

    def __init__(
        self, portal: str, target: str, number: int, user: str = "", secret_file: str = ""
    ) -> None:
        self.portal = portal
        self.target = target
        self.number = number
        self.user = user
        self.secret_file = secret_file

"""Who runs a program, as the kernel knows it: numbers of a user and of groups."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pwd
    from types import TracebackType


class Identity:
    """A user with all of its groups.

    Args:
        entry: The user's entry in the user database.

    Attributes:
        entry: The same.
    """

    def __init__(self, entry: pwd.struct_passwd) -> None:
        self.entry = entry
        # Now: the child that becomes the user asks no directory service.
        self._changes = entry.pw_uid != os.geteuid()
        self._groups = (
            os.getgrouplist(entry.pw_name, entry.pw_gid) if os.geteuid() == 0 else os.getgroups()
        )

    def assume(self) -> None:
        """Become the user for good, with none of root's privileges; nothing for the same user.

        Raises:
            OSError: Only root can become somebody else.
        """
        if self._changes:
            entry = self.entry
            os.setgroups(self._groups)
            os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
            os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)  # last: the others need root

    def numbers(self) -> tuple[int, int]:
        """Return the numbers of the user and of the user's first group."""
        return self.entry.pw_uid, self.entry.pw_gid

    def permissions(self) -> Permissions:
        """Return a `with` block in which this process has the permissions of the user."""
        return Permissions(self.entry, self._groups)


class Permissions:
    """A `with` block in which the kernel allows this process what a user may do, and no more.

    Only root can become somebody else; a process of anybody else stays what it is.

    Args:
        entry: The user's entry in the user database.
        groups: The user's groups.
    """

    def __init__(self, entry: pwd.struct_passwd, groups: list[int]) -> None:
        self._entry = entry
        self._groups = groups
        self._root = os.geteuid() == 0
        self._before: list[int] = []

    def __enter__(self) -> None:
        if self._root:
            self._before = os.getgroups()
            os.setgroups(self._groups)
            os.setegid(self._entry.pw_gid)
            os.seteuid(self._entry.pw_uid)  # last: the others need root

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._root:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(self._before)

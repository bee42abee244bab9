"""The user that an application runs as: who that is, its environment, and how to become it."""

from __future__ import annotations

import os
import pwd

from ocf_agents.runtime.agent import AgentError, Code
from ocf_agents.runtime.command import FOLDERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

INHERITED = ("LANG", "LC_ALL", "TZ")


class Account:
    """A user of this host.

    Args:
        user: The user's name, "" for the one that runs the agent.
        environment_file: A file with variables for the environment of the user's programs
            (environment_file.py), "" for none.
    """

    def __init__(self, user: str, environment_file: str = "") -> None:
        self._user = user
        self._file = environment_file

    def environment(self) -> dict[str, str]:
        """Return the environment for a program, without anything of the cluster's.

        Raises:
            AgentError: There is no such user or file on this node (ERR_INSTALLED).
        """
        account = self._entry()
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        variables = {
            **kept,
            "PATH": ":".join(FOLDERS),
            "HOME": account.pw_dir,
            "SHELL": account.pw_shell,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
        }
        if self._file:
            from ocf_agents.program.environment_file import read

            variables.update(read(self._file))
        return variables

    def become(self) -> list[str]:
        """Return the command to put before a program to run it as the user with all its groups."""
        account = self._entry()
        if account.pw_uid == os.geteuid():
            return []
        return [
            "/usr/bin/setpriv",
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--init-groups",
            "--",
        ]

    def home(self) -> str:
        """Return the user's folder, "/" if there is none."""
        folder = self._entry().pw_dir
        return folder if os.path.isdir(folder) else "/"

    def numbers(self) -> tuple[int, int]:
        """Return the numbers of the user and of the user's first group."""
        account = self._entry()
        return account.pw_uid, account.pw_gid

    def permissions(self) -> Permissions:
        """Return a `with` block in which this process has the permissions of the user."""
        return Permissions(self._entry())

    def _entry(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self._user) if self._user else pwd.getpwuid(os.geteuid())
        except KeyError:
            user = self._user
            raise AgentError(f"there is no user {user} on this node", Code.ERR_INSTALLED) from None


class Permissions:
    """A `with` block in which the kernel allows this process what a user may do, and no more.

    Only root can become somebody else; a process of anybody else stays what it is.

    Args:
        account: The user.
    """

    def __init__(self, account: pwd.struct_passwd) -> None:
        self._account = account
        self._root = os.geteuid() == 0
        self._groups: list[int] = []

    def __enter__(self) -> None:
        if self._root:
            account = self._account
            self._groups = os.getgroups()
            os.setgroups(os.getgrouplist(account.pw_name, account.pw_gid))
            os.setegid(account.pw_gid)
            os.seteuid(account.pw_uid)  # last: the others need root

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._root:
            os.seteuid(0)
            os.setegid(0)
            os.setgroups(self._groups)

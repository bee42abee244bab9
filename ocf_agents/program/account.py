"""The user that an application runs as, and the environment of that user's programs."""

from __future__ import annotations

import os
import pwd

from ocf_agents.program.identity import Identity, Permissions
from ocf_agents.runtime.agent import AgentError, Code, Deadline
from ocf_agents.runtime.command import FOLDERS

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

    def environment(self, deadline: Deadline | None = None) -> dict[str, str]:
        """Return the environment for a program, without anything of the cluster's.

        It is for the user's programs alone: no program that root runs may have it.

        Args:
            deadline: When it has to be known.

        Raises:
            AgentError: There is no such user or file on this node (ERR_INSTALLED), or root may not
                read the file for the user (ERR_PERM).
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

            variables.update(read(self._file, self, deadline))
        return variables

    def home(self) -> str:
        """Return the user's folder, "/" if there is none."""
        folder = self._entry().pw_dir
        return folder if os.path.isdir(folder) else "/"

    def identity(self) -> Identity:
        """Return what the kernel knows the user by."""
        return Identity(self._entry())

    def numbers(self) -> tuple[int, int]:
        """Return the numbers of the user and of the user's first group."""
        account = self._entry()
        return account.pw_uid, account.pw_gid

    def permissions(self) -> Permissions:
        """Return a `with` block in which this process has the permissions of the user."""
        return self.identity().permissions()

    def _entry(self) -> pwd.struct_passwd:
        try:
            return pwd.getpwnam(self._user) if self._user else pwd.getpwuid(os.geteuid())
        except (KeyError, ValueError, UnicodeError):
            user = self._user
            raise AgentError(f"there is no user {user} on this node", Code.ERR_INSTALLED) from None

"""What a backup says of itself: of which cluster it is, and which files are in it."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: What a file in a backup is: a checkpoint of Takeover's, which other machines pcs knows, SBD's
#: settings, a file that the configuration names (of an alert, a password, an environment), or a
#: description.
Kind = Literal["checkpoint", "known hosts", "sbd", "named", "description"]

#: The member with the manifest, and the one that pcs has made and can restore by itself.
MANIFEST = "manifest.json"
PCS_CONFIG = "pcs-config.tar.bz2"


def _is_plain(path: str) -> str:
    if not path.startswith("/") or path.startswith("//") or os.path.normpath(path) != path:
        raise ValueError("no absolute path, or one that hides where it leads")
    if path == "/":
        raise ValueError("no file")
    return path


class SavedFile(BaseModel):
    """A file in a backup.

    Attributes:
        path: Where it was.
        kind: What it is.
        mode: Its permissions.
        owner: The name of its user, or the number if it has no name.
        group: The name of its group, or the number.
        sha256: A digest of its content, in hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True)

    path: Annotated[str, AfterValidator(_is_plain)]
    kind: Kind
    mode: int = Field(ge=0, le=0o7777)
    owner: str = "root"
    group: str = "root"
    sha256: str

    @property
    def member(self) -> str:
        """Its name in the archive."""
        return f"files{self.path}"


class Manifest(BaseModel):
    """What a backup says of itself.

    Attributes:
        format: The number of this format.
        takeover: The version of Takeover that made it.
        at: When it was made.
        node: The node on which it was made.
        cluster: The cluster's name.
        nodes: The addresses of each node, in the order of their links.
        starts_at_boot: Whether the cluster is started at boot on that node.
        uses_sbd: Whether SBD starts with the cluster on that node.
        pcs_config: A digest of what pcs has saved.
        files: The files in it, beside that.
        absent: The files that the configuration names, and that are not in it.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    takeover: str
    at: datetime
    node: str
    cluster: str
    nodes: dict[str, list[str]]
    starts_at_boot: bool
    uses_sbd: bool
    pcs_config: str
    files: tuple[SavedFile, ...]
    absent: tuple[str, ...] = ()

"""ocf:takeover:filesystem called by hand on a machine of the lab, as Pacemaker would call it."""

import subprocess

from vagrant.common.disks import TARGET
from vagrant.lab.place import CHAP_SECRET_FILE, CHAP_USER
from vagrant.lab.rig import LabRig

_AGENT = "/usr/lib/ocf/resource.d/takeover/filesystem"
#: How long an action may take, in seconds: far more than on a real processor.
LIMIT = 240

SUCCESS, GENERIC_ERROR, NOT_RUNNING = 0, 1, 7


def lun(lab: LabRig, number: int) -> dict[str, str]:
    """The parameters that say that the agent is to attach a LUN of the lab's, from 1."""
    return {
        "portal": lab.layout.portal,
        "target": TARGET,
        "lun": str(number),
        "chap_user": CHAP_USER,
        "chap_secret_file": CHAP_SECRET_FILE,
    }


class Filesystem:
    """A filesystem on a disk that the lab's nodes share, on any of them.

    Args:
        lab: the lab.
        directory: where it is mounted.
        parameters: where the disk is, and whatever else is not as usual.
    """

    def __init__(self, lab: LabRig, directory: str, **parameters: str) -> None:
        self.directory = directory
        self._lab = lab
        self._parameters = {
            "directory": directory,
            "fstype": "ext4",
            "reservation": "true",
            "watch": "false",
            **parameters,
        }

    def act(self, node: str, action: str, *, depth: int = 0) -> subprocess.CompletedProcess[str]:
        """Have the agent do something on a node."""
        settings = {
            "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RA_VERSION_MAJOR": "1",
            "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_TYPE": "filesystem",
            "OCF_RESOURCE_PROVIDER": "takeover",
            "OCF_RESOURCE_INSTANCE": "lab-disk",
            "OCF_RESKEY_CRM_meta_timeout": str(LIMIT * 1000),
            "OCF_RESKEY_OCF_CHECK_LEVEL": str(depth),
            "OCF_CHECK_LEVEL": str(depth),
            **{f"OCF_RESKEY_{name}": value for name, value in self._parameters.items()},
        }
        words = [f"{name}={value}" for name, value in settings.items()]
        result = self._lab.run(node, "env", *words, _AGENT, action)
        print(f"{node}: {action}: {result.returncode} {result.stderr.strip()}")
        return result

    def start(self, node: str) -> None:
        """Start it on a node; it must succeed."""
        result = self.act(node, "start")
        assert result.returncode == SUCCESS, result.stderr

    def stop(self, node: str) -> None:
        """Stop it on a node; it must succeed."""
        result = self.act(node, "stop")
        assert result.returncode == SUCCESS, result.stderr

"""The last steps of creating a cluster: push fencing, and wait for it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from lxml import etree

from cib_templates.comparing.changes import changed_ids
from cib_templates.merging.merge import merge
from cib_templates.model.description import Description
from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.health import diagnosis
from pcs_wrapper.machine.waiting import shown_as_waiting
from pcs_wrapper.pacemaker import cib
from pcs_wrapper.pacemaker.crm_mon import ClusterState, read_state

# The longest time that the fencing devices may take to start, in seconds.
_FENCING = 120


@dataclass(frozen=True)
class PushFencing(Step):
    """Push the cluster properties and the fencing devices, if they are not as described.

    Attributes:
        description: The description of the cluster.
        live: The live CIB, if the cluster runs already; None if it does not.
    """

    description: Description
    live: etree._Element | None
    changes = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return "pushing cluster properties and fencing devices"

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that push them; empty if they are known to be as described."""
        if self.live is not None and not changed_ids(self.live, self._described(self.live)):
            return ()
        return (f"pcs cluster cib {cib.PUSH_FILES.old}", *cib.push_lines(cib.PUSH_FILES))

    def run(self, run: Run) -> None:
        """Push them to the cluster, which runs by now."""
        live = cib.read_cib(run.machine)
        described = self._described(live)
        if changed_ids(live, described):
            run.machine.console.step(self.summary)
            cib.push(run.machine, live, described)

    def _described(self, live: etree._Element) -> etree._Element:
        return merge(live, self.description, services=False)


@dataclass(frozen=True)
class WaitForFencing(Step):
    """Wait until the fencing devices run, and check that they do."""

    announced = True

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"waiting up to {_FENCING} s for the fencing devices"

    @property
    def commands(self) -> tuple[str, ...]:
        """The command that waits."""
        return (shlex.join(cib.wait_command(_FENCING)),)

    def run(self, run: Run) -> None:
        """Wait, and check that they run."""
        with shown_as_waiting(run.machine, "the fencing devices are being started"):
            cib.wait_for_pacemaker(run.machine, _FENCING)
        run.state = read_state(run.machine)
        _check_fencing(run.state)


def _check_fencing(state: ClusterState) -> None:
    stopped = diagnosis.stopped_fencing(state)
    if stopped:
        reasons = "; ".join(f"{device}: {why}" for device, why in stopped.items())
        raise ClusterError(f"the cluster runs, but a fencing device does not: {reasons}")

"""What the other nodes have is looked at before a restore replaces it."""

from __future__ import annotations

from dataclasses import dataclass

from pcs_wrapper.change.steps.step import Run, Step
from pcs_wrapper.errors import ClusterError
from pcs_wrapper.nodes.membership import newcomer


@dataclass(frozen=True)
class RequireReplaceable(Step):
    """Make sure that no other cluster is on the nodes, or that it may be replaced.

    pcs sends the configurations to every node, whatever is there, as long as no cluster runs.

    Attributes:
        cluster: The name of the cluster that is restored.
        nodes: The other nodes.
        replace: Whether the configuration of another cluster is replaced.
    """

    cluster: str
    nodes: tuple[str, ...]
    replace: bool

    @property
    def summary(self) -> str:
        """The step in a clause."""
        return f"looking what {', '.join(self.nodes)} have"

    def run(self, run: Run) -> None:
        """Ask their pcsd, which takes this machine's token since the step before."""
        for node in self.nodes:
            host = newcomer.known_host(run.machine, node)
            has = None if host is None else newcomer.look(run.machine, host, agents=False)
            if has is None or not has.has_configuration:
                continue
            name = f"the cluster {has.cluster!r}" if has.cluster else "a cluster"
            if "pacemaker" in has.running or "corosync" in has.running:
                raise ClusterError(
                    f"{name} runs on {node}: no configuration was restored. If it is the one that "
                    "shall be replaced, stop it there first: pcs cluster stop --all"
                )
            if has.cluster != self.cluster and not self.replace:
                of = f", with {', '.join(has.nodes)}" if has.nodes else ""
                raise ClusterError(
                    f"{node} has the configuration of {name}{of}: no configuration was restored. "
                    f"To replace it by that of {self.cluster!r}: --replace"
                )

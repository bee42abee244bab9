"""Node attributes in which agents keep what they know, such as which copy of a database is newest.

An agent changes them at any time, and decides by them: a value that is written back later can make
a stale copy the one that is promoted. So they are never a description's.
"""

from __future__ import annotations

import re

# By the agents that keep them: ocf:heartbeat:pgsql; SAPHana and SAPHanaTopology; mariadb and mysql;
# rabbitmq-cluster; galera; promotion scores of any agent (crm_attribute --promotion).
_OF_AGENTS = re.compile(
    r".+-(data-status|xlog-loc|receiver-status|master-baseline)"
    r"|lpa_.+_lpt|hana_.+"
    r"|(.+[-_])?gtid([-_].+)?"
    r"|rmq-node-attr-.+"
    r"|.+-(last-committed|bootstrap|no-grastate|sync-needed)"
    r"|master-.+",
    re.IGNORECASE,
)


def is_an_agents(name: str) -> bool:
    """Return whether a node attribute of this name is kept by an agent."""
    return _OF_AGENTS.fullmatch(name) is not None

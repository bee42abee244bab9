"""The names of our agents' parameters: a mistyped one would fail only on a node.

A test compares them with what the agents declare: this package imports nothing of theirs.
"""

from __future__ import annotations

PARAMETERS = {
    "ocf:takeover:app": frozenset(
        """
        binfile cmdline_options environment_file errlogfile health health_timeout limits
        logfile monitor_hook pidfile ready ready_timeout reload_signal revision
        stop_signal stop_timeout umask user watch workdir
        """.split()
    ),
    "ocf:takeover:filesystem": frozenset(
        """
        attach chap_secret_file chap_user device directory fast_stop force_clones
        force_unmount fstype lun mmp options portal reservation reservation_key run_fsck
        statusfile_prefix target watch
        """.split()
    ),
    "ocf:takeover:ip": frozenset(
        """
        addresses arp_count arp_count_refresh arp_interval broadcast check_link_status
        cidr_netmask conflict_wait iflabel ip kill_connections_on_stop link_up
        lvs_support metric nic nodad noprefixroute preferred_lft watch
        """.split()
    ),
}

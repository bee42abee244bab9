#!/usr/bin/env bash
# base.sh NAME NODE=ADDRESS...: what a node and the storage server have in common. As root.
set -euo pipefail

name=$1
shift

# The names of the cluster's nodes: not from a name server, which may be away when the cluster must act.
{
    printf '127.0.0.1 localhost\n::1 localhost\n'
    for pair in "$@"; do printf '%s %s\n' "${pair#*=}" "${pair%%=*}"; done
    [[ " $* " == *" $name="* ]] || printf '127.0.1.1 %s\n' "$name"
} >/etc/hosts

# The lab works on its machines as root.
install -D -m 0600 ~vagrant/.ssh/authorized_keys /root/.ssh/authorized_keys
install -d -m 0700 /root/.ssh

# The secret of the iSCSI target: only root reads it.
install -d -m 0755 /etc/takeover
install -m 0600 ~vagrant/chap.secret /etc/takeover/chap.secret
rm -f ~vagrant/chap.secret

# The journal survives a power failure, for whoever wants to know what a node did before.
install -d -m 2755 -g systemd-journal /var/log/journal
journalctl --flush

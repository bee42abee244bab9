#!/usr/bin/env bash
# node.sh PORTAL: makes a machine ready for `takeover cluster create`. As root.
set -euo pipefail

portal=$1
target=iqn.2026-11.com.example:sbd
name=$(hostname)

# Debian's package brings a one-node cluster that runs; pcs creates ours.
if grep -qs 'cluster_name: debian' /etc/corosync/corosync.conf; then
    pcs cluster destroy
fi
# An emulated processor needs more than the minute that pcs gives a node for its part of a new cluster, and
# `pcs cluster setup` has no option for that. Nor for the ten processes that pcsd starts beforehand, and ten
# more while those are slow to start: with two of each, pcsd of Debian 13 starts in 70 s instead of 119.
if [[ $(systemd-detect-virt) == qemu ]]; then
    sed --in-place --expression='s/^default_request_timeout = 60$/default_request_timeout = 600/' \
        --expression='s/^\(pcsd_worker_count\|pcsd_temporary_workers\) = 10$/\1 = 2/' \
        /usr/lib/python3/dist-packages/pcs/settings.py
fi
# Not --now, which with --quiet would keep to itself why it does not start.
systemctl enable --quiet pcsd
systemctl start pcsd

# A watchdog that does not depend on the kernel that it watches. Debian denies it by default, since it
# resets a machine where nobody feeds it: hence a unit, and not modules-load.d.
cat >/etc/systemd/system/takeover-watchdog.service <<'UNIT'
[Unit]
Description=Watchdog device for SBD
DefaultDependencies=no
Before=sbd.service multi-user.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'modprobe i6300esb; test -e /dev/watchdog || modprobe softdog'

[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet takeover-watchdog
systemctl start takeover-watchdog

# The initiator, known to the target by this name.
echo "InitiatorName=iqn.2026-11.com.example:$name" >/etc/iscsi/initiatorname.iscsi
chmod 0600 /etc/iscsi/initiatorname.iscsi

# Where the target is away, what was written must fail after a while instead of waiting for ever; CHAP for
# every session. The agent has its own way to the secret (chap_secret_file); this is for SBD's disk.
conf=/etc/iscsi/iscsid.conf
secret=$(</etc/takeover/chap.secret)
chmod 0600 $conf
sed --in-place '/^node\.session\.auth\.\|^node\.session\.timeo\.replacement_timeout\|^# takeover/d' $conf
cat >>$conf <<CONF
# takeover
node.session.auth.authmethod = CHAP
node.session.auth.username = takeover
node.session.auth.password = $secret
node.session.timeo.replacement_timeout = 15
CONF
systemctl enable --quiet open-iscsi

# At a shutdown the initiator goes after what uses it: SBD, and the cluster's filesystems.
for unit in sbd.service resource-agents-deps.target; do
    install -d -m 0755 "/etc/systemd/system/$unit.d"
    printf '[Unit]\nAfter=iscsid.service open-iscsi.service takeover-watchdog.service\n' \
        >"/etc/systemd/system/$unit.d/iscsi.conf"
done
systemctl daemon-reload
systemctl restart iscsid

# SBD's disk is there from the boot on: its session is not the cluster's to begin and to end.
iscsiadm --mode node --targetname $target --portal "$portal" --op new >/dev/null
iscsiadm --mode node --targetname $target --portal "$portal" --op update -n node.startup -v automatic
# The storage server may still be on its way.
for ((try = 1; ; try++)); do
    code=0
    iscsiadm --mode node --targetname $target --portal "$portal" --login >/dev/null || code=$?
    # iscsiadm(8), "EXIT STATUS": 15, there is a session already.
    ((code == 0 || code == 15)) && break
    ((try < 60)) || exit "$code"
    sleep 5
done

# For a rig's users: what attaches a disk before there is a cluster, and what tells of every mount.
install -D -m 0755 --target-directory /usr/local/lib/takeover-rig ~vagrant/takeover/{attach-lun,watch-mounts}

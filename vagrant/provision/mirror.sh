#!/usr/bin/env bash
# mirror.sh NODE=ADDRESS NODE=ADDRESS: a disk of each of two nodes that DRBD keeps the same. As root.
# Afterwards, once, on one of them, when both are connected (drbdadm up mirror): without it DRBD copies all
# of the disk at first, which is not needed where nothing is on it.
#   drbdadm -- --clear-bitmap new-current-uuid mirror
set -euo pipefail

image=/srv/mirror.img
disk=/dev/loop7

# A file stands for the partition or logical volume that a server has for it.
[[ -e $image ]] || truncate --size 512M $image
cat >/etc/systemd/system/takeover-mirror.service <<UNIT
[Unit]
Description=Disk for DRBD
Before=pacemaker.service
RequiresMountsFor=$image

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/sbin/losetup --direct-io=on $disk $image

[Install]
WantedBy=multi-user.target
UNIT
systemctl enable --quiet takeover-mirror
systemctl start takeover-mirror

# A primary that loses its peer waits until the peer is known not to take over (drbd.conf(5), "fencing"):
# the handlers say it to Pacemaker with a constraint, which goes when the peer has all data again.
# DRBD 9 has the option in another section, and handlers of its own.
if [[ $(modinfo --field version drbd) == 8.* ]]; then
    disk_policy='fencing resource-and-stonith;' net_policy=''
    scripts=/usr/lib/drbd/crm-fence-peer.sh,/usr/lib/drbd/crm-unfence-peer.sh
    unfence='after-resync-target'
else
    disk_policy='' net_policy='fencing resource-and-stonith;'
    scripts=/usr/lib/drbd/crm-fence-peer.9.sh,/usr/lib/drbd/crm-unfence-peer.9.sh
    unfence='unfence-peer'
fi
cat >/etc/drbd.d/mirror.res <<CONF
resource mirror {
    protocol C;
    device /dev/drbd0;
    disk $disk;
    meta-disk internal;
    net { $net_policy }
    # A half that is behind can replace nobody: it catches up while the application writes, too. DRBD's
    # default is 250 KiB/s then.
    disk { c-min-rate 20M; $disk_policy }
    handlers {
        fence-peer "${scripts%,*}";
        $unfence "${scripts#*,}";
    }
$(for pair in "$@"; do printf '    on %s { address %s:7789; }\n' "${pair%%=*}" "${pair#*=}"; done)
}
CONF
drbdadm dump-md mirror >/dev/null 2>&1 || drbdadm create-md --force mirror

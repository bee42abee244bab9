#!/usr/bin/env bash
# storage.sh ADDRESS[,ADDRESS...] LUNS MIB NODE...: an iSCSI target of the kernel's (LIO), for these nodes alone. As root.
# Each address is a path to its disks. LUNs 1, 2, … of iqn.2026-11.com.example:rig are the data disks; LUN 0 of …:sbd is SBD's.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

luns=$2 mib=$3
IFS=, read -ra addresses <<<"$1"
shift 3
base=iqn.2026-11.com.example
secret=$(</etc/takeover/chap.secret)

if ! command -v targetcli >/dev/null; then
    apt-get --quiet=2 update
    apt-get --quiet=2 install --yes --no-install-recommends targetcli-fb
fi
install -d -m 0700 /srv/luns

# disk NAME MIB
disk() {
    [[ -e /srv/luns/$1 ]] || truncate --size "$2M" "/srv/luns/$1"
    echo "/backstores/fileio create $1 /srv/luns/$1 write_back=false"
}

# target NAME DISK=NUMBER...
target() {
    local tpg=/iscsi/$base:$1/tpg1 pair node address
    echo "/iscsi create $base:$1"
    for address in "${addresses[@]}"; do echo "$tpg/portals create $address 3260"; done
    for pair in "${@:2}"; do
        echo "$tpg/luns create /backstores/fileio/${pair%=*} lun=${pair#*=} add_mapped_luns=false"
    done
    echo "$tpg set attribute authentication=1"
    for node in "${nodes[@]}"; do
        echo "$tpg/acls create $base:$node add_mapped_luns=false"
        for pair in "${@:2}"; do
            echo "$tpg/acls/$base:$node create mapped_lun=${pair#*=} tpg_lun_or_backstore=lun${pair#*=}"
        done
        echo "$tpg/acls/$base:$node set auth userid=takeover password=$secret"
    done
}

nodes=("$@")
pairs=()
for ((lun = 1; lun <= luns; lun++)); do pairs+=("lun$lun=$lun"); done

# targetcli reads its commands from standard input: any user could see the secret in arguments.
targetcli clearconfig confirm=True >/dev/null
# Where the kernel keeps reservations that are to survive a power failure: without it, it refuses them.
install -d -m 0700 "$(</sys/kernel/config/target/dbroot)/pr"
{
    echo "set global auto_add_default_portal=false"
    disk sbd 16
    for pair in "${pairs[@]}"; do disk "${pair%=*}" "$mib"; done
    target sbd sbd=0
    target rig "${pairs[@]}"
    echo saveconfig
} | targetcli
systemctl enable --quiet rtslib-fb-targetctl
# All that was wanted must be there: targetcli goes on after an error.
targetcli ls /iscsi 4
for node in "${nodes[@]}"; do
    [[ -d /sys/kernel/config/target/iscsi/$base:rig/tpgt_1/acls/$base:$node/lun_$luns ]]
done

"""The shared disks' names: the iSCSI target, and the program that attaches one of its LUNs."""

TARGET = "iqn.2026-11.com.example:rig"
ISCSI_PORT = 3260

#: The path of the program in a node of either kind of rig.
ATTACH_PROGRAM = "/usr/local/lib/takeover-rig/attach-lun"

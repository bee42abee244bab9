"""Rigs: lab clusters that tests and the demo run on. Not installed.

`rig` is the contract that every rig keeps, `kinds` makes one by its kind, `cli` is `script/rig` and
`script/vagrant-lab`. `demo` is a service on a rig, `one_machine` and `lab` are the two kinds,
`box` is what the lab's machines boot, `provision` what is done to them then, `common` what all share.
"""

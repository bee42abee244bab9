"""The agents as Pacemaker runs them, on real addresses, disks and processes, without a cluster.

They need root and nothing else: each test has network and mount namespaces of its own.
"""

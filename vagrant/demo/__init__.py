"""The demo: a PostgreSQL service on a rig's cluster, a client that writes, and faults.

`shop` is the service and how an administrator sets it up, `ledger` the client's program and
`client` its remote control, `faults` what is broken and what was measured then, `running` all of
these for tests and benches, `__main__` the demo itself.
"""

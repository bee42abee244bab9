"""The `takeover` command line, and the typed layer over pcs and the Pacemaker tools."""

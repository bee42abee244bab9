"""The lab of virtual machines, as far as it can be checked without any."""

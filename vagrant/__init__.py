"""The test rigs: lab clusters that tests and the demo run on."""

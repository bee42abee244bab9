"""What only virtual machines can show: run by `script/vagrant-lab test`, not by `script/test`."""

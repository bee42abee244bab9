#!/usr/bin/env bash
# takeover.sh: the cluster's packages and Takeover, from the wheel in ~vagrant/takeover. As root.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

packages=(pacemaker corosync pcs sbd open-iscsi sg3-utils python3-venv postgresql)
# In Debian 13 each fence agent has a package, and that of all of them brings every cloud's libraries (1.8 GB).
case $(. /etc/os-release && echo "$VERSION_CODENAME") in
bookworm) packages+=(fence-agents) ;;
*) packages+=(fence-agents-sbd fence-agents-scsi fence-agents-mpath) ;;
esac
from=~vagrant/takeover

missing=()
for package in "${packages[@]}"; do
    [[ $(dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    apt-get --quiet=2 update
    apt-get --quiet=2 install --yes --no-install-recommends "${missing[@]}"
fi

# The application is the cluster's to start.
systemctl disable --quiet --now postgresql

# Its dependencies, exactly those that are locked, then Takeover itself.
if [[ ! -x /opt/takeover/bin/pip ]]; then
    python3 -m venv /opt/takeover
    /opt/takeover/bin/pip --quiet install --require-hashes --requirement "$from/requirements.lock"
fi
/opt/takeover/bin/pip --quiet --disable-pip-version-check install \
    --no-deps --no-index --force-reinstall "$from"/takeover-*.whl
ln -sf /opt/takeover/bin/takeover /usr/local/bin/takeover
takeover agents install

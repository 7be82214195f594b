#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs the allocators that `hak bench` compares hakmem with: four from Debian, and mimalloc 3,
# which Debian 12 does not have, from PyPI. Run as root; what is installed already is left alone.
set -eu

# Packages of Debian, each with the library that shows that it is there.
debian_peers='
libmimalloc2.0       libmimalloc.so.2
libjemalloc2         libjemalloc.so.2
libtcmalloc-minimal4 libtcmalloc_minimal.so.4
libtbbmalloc2        libtbbmalloc_proxy.so.2
'
# The package of PyPI, and the folder of its own that it goes to: Debian keeps pip out of the
# folders of its own Python packages.
pypi_peer='cmeel-mimalloc>=3.4,<4'
pypi_folder=/usr/local/lib/hakmem-peers
pypi_library=libmimalloc.so.3

is_installed() {
    dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# Whether Python's package folders or ours hold mimalloc 3.
has_pypi_peer() {
    [ -e "$pypi_folder/cmeel.prefix/lib/$pypi_library" ] && return 0
    command -v python3 >/dev/null || return 1
    python3 - "$pypi_library" <<'PYTHON'
import os, site, sys
folders = site.getsitepackages() + [site.getusersitepackages()]
paths = [os.path.join(folder, "cmeel.prefix", "lib", sys.argv[1]) for folder in folders]
sys.exit(0 if any(map(os.path.exists, paths)) else 1)
PYTHON
}

missing=$(echo "$debian_peers" | while read -r package _; do
    [ -z "$package" ] || is_installed "$package" || echo "$package"
done)
if ! has_pypi_peer; then
    for package in python3 python3-pip; do
        command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 && break
        is_installed "$package" || missing="$missing $package"
    done
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "install-peers.sh: run as root: it has to install" $missing >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    # shellcheck disable=SC2086  # a list of words
    apt-get install --yes --no-install-recommends $missing
fi

if ! has_pypi_peer; then
    python3 -m pip install --no-deps --target "$pypi_folder" "$pypi_peer"
fi

echo "$debian_peers" | while read -r package library; do
    [ -z "$package" ] || ldconfig -p | grep -q "$library" ||
        echo "install-peers.sh: $package is installed but the loader does not find $library" >&2
done
has_pypi_peer || {
    echo "install-peers.sh: $pypi_library is not where \`hak\` looks for it" >&2
    exit 1
}
echo "install-peers.sh: all peers are installed"

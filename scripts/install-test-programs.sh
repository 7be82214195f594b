#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Installs what the black-box tests run, on Debian 12: as root, or with sudo. Safe to run again.
# Without a program its tests are skipped; in CI (CI=true) they fail.
set -eu

packages="
  bash coreutils gawk sed grep
  gcc g++ libc6-dev make
  git
  python3 libpython3.11-testsuite
  perl tcl lua5.4 php-cli
  nodejs
  default-jdk-headless
  redis-server redis-tools
  sqlite3
  xz-utils
  gdb
  valgrind
"

missing=""
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
  echo "all test programs are installed"
  exit 0
fi

as_root=""
[ "$(id -u)" -eq 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086  # a list of packages, one word each
$as_root apt-get install -q -y --no-install-recommends $missing

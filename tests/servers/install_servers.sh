#!/usr/bin/env bash
# Install the database servers that the tests start: PostgreSQL, MariaDB and what a Galera cluster
# of it needs (galera-4 and, to copy the data to a joining node, rsync). And the ODBC driver
# manager, without which SQL Server's driver cannot even be imported, and wrk, which puts a load on
# the rendered services.
#
# For Debian and Ubuntu, as root or with a passwordless sudo. Does nothing, not even an update of
# the package lists, when all programs are there. No service of the new packages is started: the
# tests run servers of their own. Ends with status 1 and one sentence on standard error when the
# servers cannot be installed.
set -euo pipefail

fail() {
    echo "install_servers.sh: $1" >&2
    exit 1
}

# Whether one of the paths exists; patterns that match nothing stay as they are.
any() {
    local path
    for path in "$@"; do
        [[ -e $path ]] && return 0
    done
    return 1
}

# Debian keeps servers out of the PATH of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
packages=()
command -v initdb >/dev/null || any /usr/lib/postgresql/*/bin/initdb || packages+=(postgresql)
{ command -v mariadbd && command -v mariadb-install-db; } >/dev/null || packages+=(mariadb-server)
any /usr/lib/galera/libgalera_smm.so /usr/lib*/galera-4/libgalera_smm.so || packages+=(galera-4)
command -v rsync >/dev/null || packages+=(rsync)
command -v wrk >/dev/null || packages+=(wrk)
# rsync's script of MariaDB looks with one of them whether the port is in use.
command -v lsof >/dev/null || command -v ss >/dev/null || packages+=(lsof)
any /usr/lib/*/libodbc.so.2 /usr/lib/libodbc.so.2 /usr/lib64/libodbc.so.2 || packages+=(unixodbc)
if [[ ${#packages[@]} == 0 ]]; then
    exit
fi

command -v apt-get >/dev/null ||
    fail "install ${packages[*]} by hand: this machine has no \`apt-get\`."
as_root=()
if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null ||
        fail "installing ${packages[*]} needs root, or a sudo that asks for no password."
    as_root=(sudo -n)
fi

log=$(mktemp)
# A policy with status 101 keeps maintainer scripts from starting services. Only ours is removed.
policy=/usr/sbin/policy-rc.d
made_policy=''
tidy_up() {
    rm -f "$log"
    if [[ -n $made_policy ]]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap tidy_up EXIT
trap 'exit 1' INT TERM HUP
if [[ ! -e $policy ]]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        timeout --kill-after=10 600 apt-get -q -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 ||
        fail "\`apt-get $*\` failed: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
}

apt update
apt install --yes --no-install-recommends "${packages[@]}"

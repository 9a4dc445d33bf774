#!/usr/bin/env bash
# Install what the tests start: PostgreSQL, MariaDB, what a Galera cluster of it needs (galera-4 and, to copy the data to
# a joining node, rsync and lsof), PgBouncer, HAProxy, Redis for the recipes with queues, the ODBC driver manager, without
# which SQL Server's driver cannot be imported, and wrk, which puts a load on the rendered services; with the word "slow"
# also what the slow tests start: Patroni and etcd.
#
# For Debian and Ubuntu, as root or with a sudo that asks for no password. Does nothing, not even an update of the package
# lists, when all is there. No service of the new packages is started: the tests run servers of their own. Ends with status
# 1 and one sentence on standard error when something cannot be installed.
set -euo pipefail
shopt -s nullglob

fail() {
    echo "install_servers.sh: $1" >&2
    exit 1
}

# shellcheck disable=SC2046 # the path of a program is one word, or none
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # Debian keeps servers out of the PATH of ordinary users
packages=()
# Ask for a package unless one of the files exists.
need() {
    [[ $# -gt 1 ]] || packages+=("$1")
}
need postgresql $(command -v initdb) /usr/lib/postgresql/*/bin/initdb
need mariadb-server $(command -v mariadb-install-db)
need galera-4 /usr/lib/galera/libgalera_smm.so* /usr/lib*/galera-4/libgalera_smm.so*
need rsync $(command -v rsync)
need wrk $(command -v wrk)
need pgbouncer $(command -v pgbouncer)
need haproxy $(command -v haproxy)
need redis-server $(command -v redis-server)
need lsof $(command -v lsof ss)
need unixodbc /usr/lib/*/libodbc.so.2* /usr/lib/libodbc.so.2* /usr/lib64/libodbc.so.2*
if [[ ${1:-} == slow ]]; then
    need patroni $(command -v patroni)
    need etcd-server $(command -v etcd)
fi
[[ ${#packages[@]} -gt 0 ]] || exit 0

command -v apt-get >/dev/null || fail "install ${packages[*]} by hand: this machine has no \`apt-get\`."
as_root=()
if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || fail "installing ${packages[*]} needs root, or a sudo that asks for no password."
    as_root=(sudo -n)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d # with status 101 it keeps packages from starting services
made=
trap 'rm -f "$log"; [[ -z $made ]] || "${as_root[@]}" rm -f "$policy"' EXIT
trap 'exit 1' INT TERM HUP
if [[ ! -e $policy ]]; then
    made=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi
apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive timeout --kill-after=10 600 \
        apt-get -q -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 ||
        fail "\`apt-get $*\` failed: $(grep -m 1 '^E:' "$log" || tail -n 1 "$log")"
}
apt update
apt install --yes --no-install-recommends "${packages[@]}"

#!/usr/bin/env bash
# Get a real MySQL server into a folder, without installing anything on this machine.
#
#     get_mysql.sh FOLDER        then:  export MYSQL_SERVER_HOME=FOLDER
#
# Debian's stable suites have MariaDB only; MySQL is in "unstable". This takes the package and all
# the libraries it needs, down to the C library, from the Debian mirror that this machine uses
# already, and unpacks them side by side. The server then runs with the C library of that folder,
# so it does not matter that it is newer than the machine's. apt works on a configuration, a state
# and a cache of its own, so neither the machine's packages nor its apt sources are changed, and no
# rights are needed but to write the folder.
#
# Does nothing when the folder holds a working server. Ends within 300 seconds, with status 1 and
# one sentence on standard error when the server cannot be had.
set -euo pipefail

readonly SECONDS_AT_MOST=300
# A file that says that the folder is ours to replace.
readonly MARK=.made-by-get_mysql

fail() {
    echo "get_mysql.sh: $1" >&2
    exit 1
}

# Print the version of the server in a folder; fail when there is none that works.
version_in() {
    local home=$1 loader
    loader=$(find "$home/usr" -name 'ld-linux*.so.*' -print -quit 2>/dev/null) || return 1
    [[ -n $loader && -x $home/usr/sbin/mysqld ]] || return 1
    "$loader" --library-path "$(libraries_in "$home")" "$home/usr/sbin/mysqld" --no-defaults --version
}

# Print the folders with shared libraries, separated by colons.
libraries_in() {
    find "$1/usr/lib" -maxdepth 2 -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -
}

# Print "address keyring" of the mirror with Debian's own packages; the keyring may be missing.
mirror() {
    # apt itself says what its configuration means, whichever of its two file formats is used.
    # Other makers' sources can name the same suite; apt knows the origin once it was updated.
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # The variables are apt's.
    # shellcheck disable=SC2016
    apt-get indextargets 'Created-By: Packages' \
        --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(SIGNED_BY) $(ORIGIN)' |
        awk -v codename="$codename" '
            $4 == "main" && ($2 == codename || $3 == codename || $2 ~ /^(stable|testing|unstable|sid)$/) {
                if ($NF == "Debian" && !known) { known = $1 " " $5 }
                if ($NF ~ /^\$/ && !unknown) { unknown = $1 " " $5 }
            }
            END { print known ? known : unknown }'
}

get() {
    local folder=$1 work=$2 address keyring signed_by=''
    for tool in apt-get dpkg-deb awk find paste; do
        command -v "$tool" >/dev/null || fail "there is no \`$tool\`, so this is no Debian machine."
    done
    read -r address keyring <<<"$(mirror)"
    [[ -n ${address:-} ]] || fail 'the apt sources of this machine name no Debian mirror.'
    if [[ ${keyring:-} == /* ]]; then
        signed_by="[signed-by=$keyring] "
    fi

    mkdir -p "$work"/{state/lists/partial,cache/archives/partial,root}
    : >"$work/status"
    echo "deb ${signed_by}${address} unstable main" >"$work/sources.list"
    # Given by -c and not by APT_CONFIG, so that it is stronger than the machine's configuration,
    # of which the rest stays in force: proxies, credentials, certificates.
    cat >"$work/apt.conf" <<CONFIGURATION
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Cache::archives "$work/cache/archives";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "$(id -un)";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
CONFIGURATION

    apt-get -c "$work/apt.conf" -qq update >"$work/log" 2>&1 ||
        fail "apt cannot read Debian's unstable suite: $(grep -m 1 '^[EW]:' "$work/log" || true)"
    # The status file is empty, so apt fetches every package that the server depends on.
    apt-get -c "$work/apt.conf" -qq --yes --download-only install mysql-server-core \
        >"$work/log" 2>&1 ||
        fail "apt cannot get mysql-server-core: $(grep -m 1 '^E:' "$work/log" || true)"
    local package
    for package in "$work"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$work/root" 2>"$work/log" ||
            fail "$(basename "$package") cannot be unpacked: $(head -n 1 "$work/log")"
    done
    version_in "$work/root" >"$work/log" 2>&1 ||
        fail "the server does not run here: $(head -n 1 "$work/log")"
    # Documentation and translations are of no use to the tests.
    rm -rf "$work/root/usr/share/"{doc,man,info,locale,lintian}

    touch "$work/root/$MARK"

    # Whole or not at all: who finds the folder finds a complete server in it.
    rm -rf "$folder"
    mv -T "$work/root" "$folder"
    chmod 755 "$folder"
}

if [[ $# == 2 && $1 == --inside ]]; then
    work=$(mktemp -d "$2.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM HUP
    get "$2" "$work"
    exit
fi

[[ $# == 1 && -n $1 && $1 != -* ]] || fail 'give one argument, the folder to put MySQL into.'
command -v timeout realpath >/dev/null || fail 'timeout and realpath, of GNU coreutils, are needed.'
folder=$(realpath -m -- "$1")
if version_in "$folder" 2>/dev/null; then
    exit
fi
if [[ -e $folder && ! -e $folder/$MARK ]] && ! rmdir "$folder" 2>/dev/null; then
    fail "$folder exists and holds something else."
fi
mkdir -p "$(dirname "$folder")" 2>/dev/null || fail "$(dirname "$folder") cannot be made."
status=0
timeout --kill-after=10 "$SECONDS_AT_MOST" bash "${BASH_SOURCE[0]}" --inside "$folder" || status=$?
if [[ $status == 124 || $status == 137 ]]; then
    fail "MySQL could not be had within $SECONDS_AT_MOST seconds."
fi
[[ $status == 0 ]] || exit 1
version_in "$folder"

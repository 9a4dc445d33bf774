#!/usr/bin/env bash
# Get a real MySQL server, with its clients, or the newest Python into a folder, without installing anything on this machine.
#
#     get_from_unstable.sh mysql FOLDER         then:  export MYSQL_SERVER_HOME=FOLDER
#     get_from_unstable.sh python3.14 FOLDER    then:  export PATH=FOLDER/bin:$PATH
#
# Debian's stable suites have neither; "unstable" has both. This takes the packages and all libraries that they need, down
# to the C library, from the Debian mirror that this machine uses already, and unpacks them side by side: the program runs
# with the C library of that folder. apt works on a configuration, a state and a cache of its own, so neither
# the machine's packages nor its apt sources are changed, and no rights are needed but to write the folder.
#
# Does nothing when the folder holds the program and it works. Ends with status 1 and one sentence on standard error when
# it cannot be had; apt has 240 seconds.
set -euo pipefail

fail() {
    echo "get_from_unstable.sh: $1" >&2
    exit 1
}

# Run a program of a folder with the C library of that folder.
run_in() {
    local loader libraries
    loader=$(find "$1/usr" -name 'ld-linux*.so.*' -print -quit 2>/dev/null) && [[ -n $loader ]] || return 1
    libraries=$(find "$1/usr/lib" -maxdepth 2 -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -)
    "$loader" --library-path "$libraries" "$1/usr/$2" "${@:3}"
}

# Print the version of the program in a folder; fail when there is none that works.
version_in() {
    case $program in
    mysql) run_in "$1" bin/mysqldump --version >/dev/null && run_in "$1" sbin/mysqld --no-defaults --version ;;
    *) "$1/bin/$program" -c 'import ctypes, sqlite3, ssl, sys; print(sys.version)' ;;
    esac
}

# Make Python a program that starts by itself, also through the links of a virtual environment, wherever the folder is
# moved to: it names the C library of its folder, and nothing is outside of it.
prepare() {
    local root=$1 final=$2 loader libraries
    loader=$(find "$root/usr" -name 'ld-linux*.so.*' -print -quit)
    libraries=$(find "$root/usr/lib" -maxdepth 2 -name '*.so.*' -printf '%h\n' | sort -u | sed "s|^$root|$final|" | paste -sd: -)
    # patchelf of this machine's own suite: that of unstable, 0.18, writes programs that crash.
    (cd "$work" && apt-get -qq download patchelf && dpkg-deb -x patchelf_*.deb "$work/tools") || return
    "$work/tools/usr/bin/patchelf" --set-interpreter "$final${loader#"$root"}" --force-rpath --set-rpath "$libraries" \
        "$root/usr/bin/$program" || return
    mkdir -p "$root/bin"
    ln -sf "../usr/bin/$program" "$root/bin/$program"
}

# Print "address keyring" of the mirror with Debian's own packages; the keyring may be missing.
mirror() {
    # apt itself says what its configuration means, whichever of its two file formats is used. Other makers' sources can
    # name the same suite; apt knows the origin once it was updated.
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016 # the variables are apt's
    apt-get indextargets 'Created-By: Packages' \
        --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(SIGNED_BY) $(ORIGIN)' |
        awk -v codename="$codename" '
            $4 == "main" && ($2 == codename || $3 == codename || $2 ~ /^(stable|testing|unstable|sid)$/) {
                if ($NF == "Debian" && !known) { known = $1 " " $5 }
                if ($NF ~ /^\$/ && !unknown) { unknown = $1 " " $5 }
            }
            END { print known ? known : unknown }'
}

[[ $# == 2 && $1 =~ ^(mysql|python3\.[0-9]+)$ && $2 != -* && -n $2 ]] || fail 'give mysql or python3.N, and a folder for it.'
program=$1
packages=(mysql-server-core mysql-client-core)
[[ $program == mysql ]] || packages=("$program" "$program-venv")
folder=$(realpath -m -- "$2")
if version_in "$folder" 2>/dev/null; then
    exit
fi
mark=.made-by-get_from_unstable # a file that says that the folder is ours to replace
if [[ -e $folder && ! -e $folder/$mark ]] && ! rmdir "$folder" 2>/dev/null; then
    fail "$folder exists and holds something else."
fi
for tool in apt-get dpkg-deb awk; do
    command -v "$tool" >/dev/null || fail "there is no \`$tool\`, so this is no Debian machine."
done
read -r address keyring <<<"$(mirror)"
[[ -n ${address:-} ]] || fail 'the apt sources of this machine name no Debian mirror.'

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,root}
: >"$work/status" # no package is installed, so apt fetches every one that is needed
signed_by=
[[ ${keyring:-} != /* ]] || signed_by="[signed-by=$keyring] "
echo "deb ${signed_by}${address} unstable main" >"$work/sources.list"
# Given by -c and not by APT_CONFIG, so that it is stronger than the machine's configuration, of which the rest stays in
# force: proxies, credentials, certificates.
cat >"$work/apt.conf" <<CONFIGURATION
Dir { State "$work/state"; State::status "$work/status"; Cache "$work/cache"; Cache::archives "$work/cache/archives"; };
Dir::Etc { sourcelist "$work/sources.list"; sourceparts "/dev/null"; preferences "/dev/null"; preferencesparts "/dev/null"; };
APT { Sandbox::User "$(id -un)"; Install-Recommends "false"; Keep-Downloaded-Packages "true"; };
Acquire { Languages "none"; Retries "2"; http::Timeout "20"; https::Timeout "20"; };
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
CONFIGURATION
apt() {
    timeout --kill-after=10 120 apt-get -c "$work/apt.conf" -qq "$@" >"$work/log" 2>&1 ||
        fail "apt cannot get $program from Debian's unstable suite: $(grep -m 1 '^[EW]:' "$work/log" || echo 'it took too long')"
}
apt update
apt --yes --download-only install "${packages[@]}"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root" 2>"$work/log" ||
        fail "$(basename "$package") cannot be unpacked: $(head -n 1 "$work/log")"
done
if [[ $program == mysql ]]; then
    version_in "$work/root" >"$work/log" 2>&1 || fail "the server does not run here: $(head -n 1 "$work/log")"
else
    prepare "$work/root" "$folder" >"$work/log" 2>&1 || fail "Python cannot be prepared: $(head -n 1 "$work/log")"
fi
rm -rf "$work/root/usr/share/"{doc,man,info,locale,lintian}
touch "$work/root/$mark"
# Whole or not at all: the folder never holds half a program.
rm -rf "$folder"
mv -T "$work/root" "$folder"
chmod 755 "$folder"
version_in "$folder" || fail "$program does not run here."

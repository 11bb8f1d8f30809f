#!/bin/sh
# Installs the system packages that a make target needs. Prints nothing if all are installed.
#
#     tests/system-packages.sh venv|demo|lint|bench|test...
#
# If apt-get needs no password, it installs the missing packages. Otherwise this script prints the command
# for it, and ends with status 1. PYTHON names the interpreter for which venv must work.
set -eu

PATH=$PATH:/usr/sbin:/sbin # directories that a plain user's PATH lacks: sshd is there
python=${PYTHON:-python3}
missing=

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Usage: miss PACKAGE...
# Adds packages to the list of missing ones.
miss() {
    for package; do
        case " $missing " in
            *" $package "*) ;;
            *) missing="${missing:+$missing }$package" ;;
        esac
    done
}

# Usage: want PACKAGE TEST...
# The package is missing if the command TEST fails.
want() {
    wanted=$1
    shift
    "$@" >/dev/null 2>&1 || miss "$wanted"
}

# Usage: program PACKAGE [NAME]
# The package is missing if there is no program NAME, by default PACKAGE.
program() {
    want "$1" command -v "${2:-$1}"
}

look_for_venv() {
    if ! command -v "$python" >/dev/null; then
        [ "$python" = python3 ] || fail "$python: no such interpreter; name another one, as in: make PYTHON=python3.12 ..."
        miss python3 python3-venv
    elif ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 10))'); then
        fail "$python: Python $version is too old; name 3.10 or later, as in: make PYTHON=python3.12 ..."
    else
        want "python$version-venv" "$python" -c 'import ensurepip, venv'
    fi
}

look_for() {
    case $1 in
        venv) look_for_venv ;;
        demo)
            program bash
            program distcc distccd
            program gcc
            program make
            program procps ps
            want libc6-dev test -e /usr/include/stdio.h
            ;;
        lint)
            program bash
            program shellcheck
            program zsh
            ;;
        bench)
            look_for demo
            program g++
            program openssh-client ssh
            program openssh-server sshd
            program zsh
            ;;
        test)
            look_for bench
            look_for lint
            program autoconf
            program automake
            program avahi-daemon
            program bzip2
            want build-essential dpkg-query --show build-essential # which dpkg-buildpackage asks for
            program ccache
            program clang
            program cmake
            program dbus dbus-daemon
            program faketime
            program fish
            program iproute2 ip
            program libboost-tools-dev b2
            program man-db man
            program meson
            program nftables nft
            program ninja-build ninja
            program rpm rpmbuild
            program scons
            program sudo
            program systemd systemd-analyze
            program time
            program xz-utils xz
            want bash-completion test -e /usr/share/bash-completion/bash_completion
            want locales test -e /usr/share/i18n/locales/tr_TR
            want binutils-source test -d /usr/src/binutils
            ;;
        *) fail "$0: $1: nothing is known of this purpose" ;;
    esac
}

look_for_all() {
    missing=
    for purpose; do
        look_for "$purpose"
    done
}

# Usage: install_packages PACKAGE...
# Only root may call this.
install_packages() {
    place=$(mktemp -d)
    log=$place/log
    policy=
    started_at_boot >"$place/before"
    trap 'disable_new; rm -rf "$place" ${policy:+"$policy"}' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    forbid_starts
    printf 'Installing system packages: %s\n' "$*"
    apt_get update || : # without network, old lists may be enough
    if ! apt_get install -y --no-install-recommends "$@"; then
        cat "$log" >&2
        exit 1
    fi
}

# Packages ask /usr/sbin/policy-rc.d before they start a daemon. An existing one is the administrator's: keep it.
forbid_starts() {
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
}

# Prints the links by which systemd or init starts daemons at boot, except for systemd's own: systemd may be among
# the packages that are installed.
started_at_boot() {
    {
        find /etc/systemd/system -path '*.target.wants/*' ! -name 'getty@*' ! -name 'remote-fs.target' ! -name 'systemd-*' || :
        find /etc/systemd/system -maxdepth 1 -type l || : # aliases of such units
        find /etc/rc[S2-5].d -name 'S*' || :
    } 2>/dev/null | sort
}

# Disables the daemons that the new packages would start at boot. Earlier ones are not touched.
disable_new() {
    started_at_boot | comm -13 "$place/before" - | while read -r link; do
        name=$(basename "$link")
        case $link in
            /etc/rc*) update-rc.d "$(printf '%s' "$name" | sed 's/^S[0-9]*//')" disable ;;
            *) disable_unit "$name" "$link" ;;
        esac >>"$log" 2>&1 || :
    done
}

# Usage: disable_unit NAME LINK
disable_unit() {
    if command -v systemctl >/dev/null; then
        systemctl disable "$1"
    else
        rm "$2"
    fi
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1
}

# shellcheck disable=SC2086 # $missing is a list of words
ensure() {
    look_for_all "$@"
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "Missing, under the names that Debian has for them: $missing"
    if [ "$(id -u)" -eq 0 ]; then
        sh "$0" --install $missing
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n sh "$0" --install $missing
    else
        fail 'System packages are missing. Run this, then make again:' \
            "    sudo sh $0 --install $missing"
    fi
    look_for_all "$@"
    [ -z "$missing" ] || fail "Still missing after their installation: $missing"
}

case ${1-} in
    --install)
        shift
        install_packages "$@"
        ;;
    *) ensure "$@" ;;
esac

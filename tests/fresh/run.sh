#!/bin/sh
# Runs demo and tests of HEAD on machines that have only git and make, as three kinds of user.
#
#     ARGS=ARGUMENTS tests/fresh/run.sh RELEASES USERS
#
# ARGS goes to pytest, like that of make test.
#
# A machine is a minimal root. mmdebstrap makes it from the archive that apt of this host uses. The users
# are `root` (with the clone in /root, mode 0700), `sudo` (who may use sudo without a password) and `plain`
# (for whom root runs the command that make prints). Only root can run this script.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
place=

fail() {
    printf 'test-fresh: %s\n' "$@" >&2
    exit 1
}

# Nothing is mounted below the directory in this namespace, and no process in it outlives enter.sh: just remove it.
clean_up() {
    [ -z "$place" ] || rm -rf --one-file-system "$place"
}

# Prints the Debian archives that apt of this host uses, with another release.
sources_of() {
    # shellcheck disable=SC1091
    host=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
    # shellcheck disable=SC2016 # apt fills in the names
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v host="$host" -v wanted="$1" '
            $2 == host || index($2, host "-") == 1 { sub("^" host, wanted, $2); print "deb", $1, $2, $3 }' |
        sort -u
}

make_root() {
    sources_of "$1" >"$place/sources"
    [ -s "$place/sources" ] || fail 'apt of this host knows no archive of its own release'
    apt-config dump --format '%f "%v";%n' Acquire >"$place/apt.conf"
    mmdebstrap --quiet --mode=root --variant=minbase --include=ca-certificates,git,make,sudo \
        --aptopt="$place/apt.conf" "$1" "$place/root" - <"$place/sources"
}

# Gives the root the host's names, certificates and settings of pip, and a copy of HEAD.
bring_in() {
    root=$place/root
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    for path in /etc/pip.conf /etc/xdg/pip; do
        [ ! -e "$path" ] || cp -R --parents "$path" "$root"
    done
    # Directories among the paths and file:// addresses in pip's settings.
    python3 -m pip config list | grep -oE '(^|[^:/A-Za-z0-9])(file://)?/[A-Za-z0-9._/-]+' |
        sed -E 's,^[^/f]*,,; s,^file://,,' | sort -u |
        while read -r path; do
            [ ! -d "$path" ] || printf '%s\n' "$path"
        done >"$root/etc/fresh-packages"
    # A listing of packages may refer to files beside itself: take the directory above it.
    sed -i 's,/simple$,,' "$root/etc/fresh-packages"
    env | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_|[a-z]+_proxy=|[A-Z]+_PROXY=)' >"$root/etc/fresh-environment" || :
    git -C "$here" bundle create --quiet "$root/srv/distcc-driver.bundle" HEAD
    cp "$here/inside.sh" "$root/srv/"
}

# If this script is killed, the process namespace ends, too.
run_inside() {
    setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        "$here/enter.sh" "$place/root" sh /srv/inside.sh "$@" </dev/null
}

test_one() {
    release=$1 user=$2
    place=$(mktemp -d /var/tmp/distcc-driver-fresh.XXXXXX)
    printf '== %s, %s\n' "$release" "$user"
    status=0
    { make_root "$release" && bring_in && run_inside "$user" "${ARGS-}"; } || status=$?
    clean_up
    place=
    return "$status"
}

[ "$(id -u)" -eq 0 ] || fail 'only root can make a root'
command -v mmdebstrap >/dev/null || fail 'install mmdebstrap first'
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

releases=$1 users=$2
failed=
for release in $releases; do
    for user in $users; do
        test_one "$release" "$user" || failed="$failed, $release as $user"
    done
done
[ -z "$failed" ] || fail "failed: ${failed#, }"

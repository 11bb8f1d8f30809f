#!/bin/sh
# Runs in a minimal root: clones, runs demo and tests as a user, and checks that they leave nothing behind.
#
#     inside.sh root|sudo|plain ARGUMENTS_OF_PYTEST
set -eu

kind=$1
arguments=$2

case $kind in
    root) user=root home=/root ;;
    *) user=developer home=/home/developer && useradd --create-home --shell /bin/bash "$user" ;;
esac
[ "$kind" != sudo ] || printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >/etc/sudoers.d/developer
chmod 0700 "$home"
cd "$home"

as_user() {
    # shellcheck disable=SC2046 # one word a line
    setpriv --reuid="$user" --regid="$user" --init-groups \
        env HOME="$home" USER="$user" LOGNAME="$user" $(cat /etc/fresh-environment) "$@"
}

# Lists what starts at boot, except for systemd's own services, and the temporary files.
state() {
    find /etc/systemd/system -path '*.target.wants/*' ! -name 'getty@*' ! -name 'remote-fs.target' ! -name 'systemd-*'
    find /etc/systemd/system -maxdepth 1 -type l
    find /etc/rc[S2-5].d -name 'S*'
    find /tmp /var/tmp /dev/shm -mindepth 1
}

# make prints a command for users without sudo: root runs it.
run_printed_command() {
    as_user make "packages-$1" >/tmp/printed 2>&1 && return
    command=$(sed -n 's/^    sudo //p' /tmp/printed)
    rm /tmp/printed
    sh -c "$command"
}

run_target() {
    [ "$kind" != plain ] || run_printed_command "$@"
    started=$(date +%s)
    as_user make "$@"
    printf '== make %s: %s s\n' "$1" "$(($(date +%s) - started))"
}

as_user git -c advice.detachedHead=false clone --quiet /srv/distcc-driver.bundle clone 2>/dev/null
cd clone
state | sort >/root/before
run_target demo
run_target test ARGS="$arguments"
state | sort >/root/after
if ! diff /root/before /root/after; then
    echo 'test-fresh: this is left' >&2
    exit 1
fi

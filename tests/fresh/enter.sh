#!/bin/sh
# Runs a command in a minimal root, as on a separate machine that shares the network of this one.
#
#     unshare --mount --pid --fork --kill-child tests/fresh/enter.sh ROOT COMMAND...
#
# All mounts are in the caller's mount namespace, and all processes in its process namespace. Both end with the
# caller. So the directory can be removed without any unmounting.
set -eu

root=$1
shift

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    : >"$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do
    ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"
done
if [ -c /dev/net/tun ]; then
    mkdir "$root/dev/net"
    : >"$root/dev/net/tun"
    mount --bind /dev/net/tun "$root/dev/net/tun"
fi

# Directories of this machine from which pip takes packages.
while read -r path; do
    mkdir -p "$root$path"
    mount --bind -o ro "$path" "$root$path"
done <"$root/etc/fresh-packages"

cd "$root"
pivot_root . mnt
cd /
umount --lazy /mnt
exec "$@"

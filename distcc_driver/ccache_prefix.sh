#!/bin/sh
# Usage: ccache_prefix.sh COMPILER ARGUMENT...
# CCACHE_PREFIX of a build: ccache calls this program in front of a compiler. It puts distcc in front, unless the
# compiler calls distcc by itself.
#
# With CCACHE_PREFIX=distcc such a compiler would fail: either ccache stops (distcc: Invalid argument), or distcc
# finds that it has called itself, and refuses.

# distcc sets this variable when it compiles a file on this machine (safeguard.c): do not call it again.
[ -z "${_DISTCC_SAFEGUARD-}" ] || exec "$@"
compiler=$(readlink -f -- "$1" 2>/dev/null)
case ${compiler##*/} in
    distcc | ccache) exec "$@" ;;
esac
# A script may call distcc.
case $(head -c 8192 -- "$1" 2>/dev/null) in
    '#!'*distcc*) exec "$@" ;;
esac
exec distcc "$@"

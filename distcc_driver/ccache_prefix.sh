#!/bin/sh
# What ccache puts in front of a compiler: distcc, unless that compiler leads to distcc by itself.
#
# With CCACHE_PREFIX=distcc, ccache would stop at such a compiler (distcc: Invalid argument), or distcc would
# find itself behind it and refuse to go on.

# distcc is at work already, and what it calls here is the compiler for a file that it keeps (safeguard.c).
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

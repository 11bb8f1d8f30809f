# shellcheck shell=bash
# An installation has this file as PREFIX/share/distcc-driver/distcc.sh. Start files name this path, because no version
# of Python is in it. The file sources the distcc.sh of the package in PREFIX/lib/python3.N, for the latest such N.
#
# The code follows the same rules as distcc.sh of the package.

\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.sh: this shell is neither bash nor zsh; source it from one of them\n' >&2
\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null || \return 1
\builtin 'test' -z "${ZSH_VERSION-}" ||
    \builtin 'eval' '\builtin \source "${${${funcsourcetrace[@]:0:1}%:*}:A:h}/distcc.zsh"; \builtin \return "$?"'

\builtin shopt -q expand_aliases && __distcc_expand=-s || __distcc_expand=-u
\builtin shopt -u expand_aliases

__distcc_prefix=${BASH_SOURCE[0]}
case $__distcc_prefix in
    /*) ;;
    *) __distcc_prefix=$PWD/$__distcc_prefix ;;
esac
while [[ -L $__distcc_prefix ]]; do
    __distcc_shim=$(\builtin command readlink "$__distcc_prefix")
    case $__distcc_shim in
        /*) __distcc_prefix=$__distcc_shim ;;
        *) __distcc_prefix=${__distcc_prefix%/*}/$__distcc_shim ;;
    esac
done
case $__distcc_prefix in
    */share/distcc-driver/*) __distcc_prefix=${__distcc_prefix%/share/distcc-driver/*} ;;
    *) __distcc_prefix=${__distcc_prefix%/*}/../.. ;;
esac
__distcc_minor=40
while [[ $__distcc_minor -ge 10 ]]; do
    for __distcc_shim in site dist; do
        __distcc_shim=$__distcc_prefix/lib/python3.$__distcc_minor/$__distcc_shim-packages/distcc_driver/distcc.sh
        [[ ! -r $__distcc_shim ]] || break 2
    done
    __distcc_minor=$((__distcc_minor - 1))
done
\builtin shopt "$__distcc_expand" expand_aliases
\builtin unset __distcc_expand __distcc_prefix __distcc_minor
\builtin source "$__distcc_shim"
\builtin unset __distcc_shim

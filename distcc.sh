# shellcheck shell=bash
# distcc_build for bash. Source this file; then put the word distcc_build in front of a build command.
#
# No alias or function of the user's shell may change what this file does. So words are quoted, or called through
# \builtin or \command, or read while the expansion of aliases is off. Works in bash 3.2 and later.

# In other shells \builtin is missing or means something else: the test fails there.
\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.sh: this shell is neither bash nor zsh; source it from one of them\n' >&2
\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null || \return 1
# This is for zsh only, and bash could not parse it: hence the quotes. (%x would write a newline in the name as \n.)
\builtin 'test' -z "${ZSH_VERSION-}" ||
    \builtin 'eval' '\builtin \source "${${${funcsourcetrace[@]:0:1}%:*}:A:h}/distcc.zsh"; \builtin \return "$?"'

# An alias may replace a keyword, so switch the expansion of aliases off. Switch `set -a` off, too: it would export
# these variables.
\builtin shopt -q expand_aliases && __distcc_aliases=-s || __distcc_aliases=-u
\builtin shopt -qo allexport && __distcc_export=-o || __distcc_export=+o
\builtin shopt -u expand_aliases
\builtin set +o allexport

# __distcc_root is the directory that contains distcc_driver: the real directory of this file in a clone, and the one
# above it in an installed package.
__distcc_root=${BASH_SOURCE[0]}
case $__distcc_root in
    /*) ;;
    *) __distcc_root=$PWD/$__distcc_root ;;
esac
while [[ -L $__distcc_root ]]; do
    __distcc_link=$(\builtin command readlink "$__distcc_root")
    case $__distcc_link in
        /*) __distcc_root=$__distcc_link ;;
        *) __distcc_root=${__distcc_root%/*}/$__distcc_link ;;
    esac
done
__distcc_root=${__distcc_root%/*}
[[ ! -e $__distcc_root/build.sh ]] || __distcc_root=${__distcc_root%/*} # an installed package

# Usage: __distcc_is_program NAME
# Succeeds if NAME is a program on PATH, or the path of one.
__distcc_is_program() {
    \builtin type -P -- "$1" >/dev/null
}

# shellcheck source=distcc_driver/build.sh
\builtin source "$__distcc_root/distcc_driver/build.sh"

# Completes the command behind distcc_build. If bash-completion is loaded, it does the work.
__distcc_complete() {
    if \builtin declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset 1
    elif \builtin declare -F _command_offset >/dev/null; then
        _command_offset 1
    elif ((COMP_CWORD == 1)); then
        \builtin typeset __distcc_word
        COMPREPLY=()
        while \builtin read -r __distcc_word; do
            COMPREPLY[${#COMPREPLY[@]}]=$__distcc_word
        done <<<"$(\builtin compgen -c -- "$2")"
    fi
}
\builtin complete -o bashdefault -o default -F __distcc_complete distcc_build

\builtin shopt "$__distcc_aliases" expand_aliases
\builtin set "$__distcc_export" allexport
\builtin unset __distcc_aliases __distcc_export __distcc_link

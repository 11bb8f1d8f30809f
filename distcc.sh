# shellcheck shell=bash
# distcc_build for bash. Source this file; then put the word in front of a build command.
#
# Words are quoted, called through \builtin or \command, or read while no alias is expanded: the
# aliases and functions of the shell that sources this must not reach it. Nothing newer than
# bash 3.2.

# Other shells have no builtin of this name, or another one.
\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.sh: this shell is neither bash nor zsh; source it from one of them\n' >&2
\builtin 'test' -n "${BASH_VERSION-}${ZSH_VERSION-}" 2>/dev/null || \return 1
# Text for zsh only, which bash must not even parse. (%x would give a newline in the name as two letters.)
\builtin 'test' -z "${ZSH_VERSION-}" ||
    \builtin 'eval' '\builtin \source "${${${funcsourcetrace[@]:0:1}%:*}:A:h}/distcc.zsh"; \builtin \return "$?"'

# While this is read, no alias is expanded, for it may stand for a keyword, and nothing is exported.
\builtin shopt -q expand_aliases && __distcc_aliases=-s || __distcc_aliases=-u
\builtin shopt -qo allexport && __distcc_export=-o || __distcc_export=+o
\builtin shopt -u expand_aliases
\builtin set +o allexport

# The directory with distcc_driver in it: that of this file, whatever links lead there, or the one above.
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
[[ ! -e $__distcc_root/build.sh ]] || __distcc_root=${__distcc_root%/*} # in an installed package

# Is $1 a program?
__distcc_is_program() {
    \builtin type -P -- "$1" >/dev/null
}

# shellcheck source=distcc_driver/build.sh
\builtin source "$__distcc_root/distcc_driver/build.sh"

# Completes the command behind distcc_build, with bash-completion's help where it is loaded.
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

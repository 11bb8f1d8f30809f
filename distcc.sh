# shellcheck shell=bash
# distcc_build for bash. Source this file; then put the word in front of a build command.
#
# Words are quoted, called through \builtin or \command, or read while no alias is expanded: the
# aliases and functions of the shell that sources this must not reach it. Nothing newer than
# bash 3.2.

\test -n "${BASH_VERSION-}${ZSH_VERSION-}" || \printf 'distcc-driver: this shell is neither bash nor zsh\n' >&2
\test -n "${BASH_VERSION-}${ZSH_VERSION-}" || \return 1
# Text for zsh only, which bash must not even parse.
\test -z "${ZSH_VERSION-}" || \builtin eval '\builtin source "${${(%):-%x}:A:h}/distcc.zsh"; \builtin return "$?"'

# An alias may stand for a keyword, so none is expanded while the functions are read.
\builtin shopt -q expand_aliases && __distcc_aliases=-s || __distcc_aliases=-u
\builtin shopt -u expand_aliases
\builtin unalias distcc_build 2>/dev/null || \builtin :

case ${BASH_SOURCE[0]} in
    /*) __distcc_shim=${BASH_SOURCE[0]} ;;
    *) __distcc_shim=$PWD/${BASH_SOURCE[0]} ;;
esac
\builtin export -n __distcc_shim # `set -a` would hand it to every command

__distcc_fail() {
    \builtin printf 'distcc-driver: %s\n' "$1" >&2
    \builtin exit 96
}

# Sets __distcc_root, the directory of this file, whatever links lead to it.
__distcc_find_root() {
    while [[ -L $__distcc_shim ]]; do
        __distcc_root=$(\command readlink "$__distcc_shim") || __distcc_fail "$__distcc_shim: unreadable link"
        case $__distcc_root in
            /*) __distcc_shim=$__distcc_root ;;
            *) __distcc_shim=${__distcc_shim%/*}/$__distcc_root ;;
        esac
    done
    __distcc_root=${__distcc_shim%/*}
}

# Sets __distcc_python, the interpreter to use.
__distcc_find_python() {
    __distcc_python=${DISTCC_DRIVER_PYTHON-}
    case $__distcc_python in
        '') [[ -x $__distcc_root/.venv/bin/python ]] && __distcc_python=$__distcc_root/.venv/bin/python ||
            __distcc_python=python3 ;;
        /*) ;;
        */*) __distcc_python=$PWD/$__distcc_python ;;
    esac
    \builtin type -P "$__distcc_python" >/dev/null ||
        __distcc_fail "$__distcc_python: no such interpreter; run make -C '$__distcc_root' install, or set DISTCC_DRIVER_PYTHON"
}

# The plan printed nothing; $1 is its status.
__distcc_plan_failed() {
    case $1 in
        96 | 97 | 129 | 130 | 131 | 143) # it has closed what it opened
            \builtin trap - EXIT
            \builtin exit "$1"
            ;;
    esac
    __distcc_fail "$__distcc_python: failed with status $1; run make -C '$__distcc_root' install"
}

# Closes session $3 (if empty, what a plan opened and could not tell), with $2 in directory $1.
__distcc_release() {
    \builtin trap '' HUP INT QUIT TERM
    (\builtin cd -- "$1" && \builtin exec "$2" -ESs -m distcc_driver release "$3") </dev/null >/dev/null
}

# Arranges that command $1 runs before this sub-shell ends, whatever ends it.
__distcc_at_end() {
    # shellcheck disable=SC2064 # the command is whole: it is made of quoted words
    \builtin trap "$1" EXIT
    # shellcheck disable=SC2064
    \builtin trap "$1; __distcc_interrupted" INT
    \builtin trap '\builtin exit 129' HUP
    \builtin trap '\builtin exit 131' QUIT
    \builtin trap '\builtin exit 143' TERM
}

# Dies of SIGINT as a build would: a loop around distcc_build ends too, which no status can do.
__distcc_interrupted() {
    \builtin trap - EXIT INT
    \command sh -c 'kill -s INT "$PPID"'
    \builtin exit 130
}

distcc_build() (
    (($#)) || __distcc_fail 'distcc_build: no command; write it behind, as in: distcc_build make all'
    \builtin type -P distcc >/dev/null || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    __distcc_find_root
    __distcc_find_python
    \builtin printf -v __distcc_end '%q ' __distcc_release "$__distcc_root" "$__distcc_python"
    __distcc_at_end "$__distcc_end ''"
    # From its own directory, without PYTHON* variables and site-packages: nothing of the tree
    # that is being built can be imported. Exec: the plan finds this sub-shell as its parent.
    __distcc_text=$(\builtin cd -- "$__distcc_root" &&
        \builtin exec "$__distcc_python" -ESs -m distcc_driver plan "$$" </dev/null) || __distcc_plan_failed "$?"
    __distcc_session='' __distcc_jobs=''
    \builtin eval "$__distcc_text"
    [[ -n $__distcc_session ]] && \builtin printf -v __distcc_end '%s%q' "$__distcc_end" "$__distcc_session" ||
        __distcc_end='\builtin :'
    __distcc_at_end "$__distcc_end"
    \builtin set -- "$@" -j "$__distcc_jobs"
    \builtin unset __distcc_shim __distcc_root __distcc_python __distcc_end __distcc_text __distcc_session __distcc_jobs
    "$@"
)

# Completes the command behind distcc_build, with bash-completion's help where it is loaded.
__distcc_complete() {
    if \builtin declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset 1
    elif \builtin declare -F _command_offset >/dev/null; then
        _command_offset 1
    elif ((COMP_CWORD == 1)); then
        COMPREPLY=()
        while \builtin read -r __distcc_word; do
            COMPREPLY[${#COMPREPLY[@]}]=$__distcc_word
        done < <(\builtin compgen -c -- "$2")
        \builtin unset __distcc_word
    fi
}
\builtin complete -o bashdefault -o default -F __distcc_complete distcc_build

\builtin shopt "$__distcc_aliases" expand_aliases
\builtin unset __distcc_aliases

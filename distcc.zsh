# distcc_build for zsh. Source this file; then put the word in front of a build command.
#
# Words are quoted, called through \builtin or \command, or read while no alias is expanded: the
# aliases and functions of the shell that sources this must not reach it. Nothing newer than
# zsh 5.0; no option is relied on, and none is changed.

\test -n "${ZSH_VERSION-}" || \printf 'distcc-driver: distcc.zsh is for zsh; source distcc.sh instead\n' >&2
\test -n "${ZSH_VERSION-}" || \return 1

# An alias may stand for a keyword, so none is expanded while the functions are read.
\test "${options[aliases]}" = on && __distcc_aliases=aliases || __distcc_aliases=no_aliases
\builtin setopt no_aliases
\builtin unalias distcc_build 2>/dev/null || \builtin :

\builtin typeset -g +x __distcc_root="${${(%):-%x}:A:h}" # `setopt all_export` would hand it to every command

__distcc_fail() {
    \builtin printf 'distcc-driver: %s\n' "$1" >&2
    \builtin exit 96
}

# Sets __distcc_python, the interpreter to use.
__distcc_find_python() {
    __distcc_python="${DISTCC_DRIVER_PYTHON-}"
    case "$__distcc_python" in
        ('') [[ -x "$__distcc_root/.venv/bin/python" ]] && __distcc_python="$__distcc_root/.venv/bin/python" ||
            __distcc_python=python3 ;;
        (/*) ;;
        (*/*) __distcc_python="$PWD/$__distcc_python" ;;
    esac
    \builtin whence -p "$__distcc_python" >/dev/null ||
        __distcc_fail "$__distcc_python: no such interpreter; run make -C '$__distcc_root' install, or set DISTCC_DRIVER_PYTHON"
}

# The plan printed nothing; $1 is its status.
__distcc_plan_failed() {
    case "$1" in
        (96|97|129|130|131|143) # it has closed what it opened
            \builtin trap - EXIT
            \builtin exit "$1"
            ;;
    esac
    __distcc_fail "$__distcc_python: failed with status $1; run make -C '$__distcc_root' install"
}

# Closes session $3 (if empty, what a plan opened and could not tell), with $2 in directory $1.
__distcc_release() {
    \builtin trap '' HUP INT QUIT TERM
    (\builtin cd -q -- "$1" && \builtin exec "$2" -ESs -m distcc_driver release "$3") </dev/null >/dev/null
}

# Arranges that command $1 runs before this sub-shell ends, whatever ends it.
__distcc_at_end() {
    \builtin trap "$1" EXIT
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
    \builtin whence -p distcc >/dev/null || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    # Declared, so that warn_create_global is content.
    \builtin typeset __distcc_python __distcc_end __distcc_text __distcc_session __distcc_jobs
    __distcc_find_python
    __distcc_end="__distcc_release ${(qq)__distcc_root} ${(qq)__distcc_python}"
    __distcc_at_end "$__distcc_end ''"
    # From its own directory, without PYTHON* variables and site-packages: nothing of the tree
    # that is being built can be imported. Exec: the plan finds this sub-shell as its parent.
    __distcc_text="$(\builtin cd -q -- "$__distcc_root" &&
        \builtin exec "$__distcc_python" -ESs -m distcc_driver plan "$$" </dev/null)" || __distcc_plan_failed "$?"
    \builtin eval "$__distcc_text"
    [[ -n "$__distcc_session" ]] && __distcc_end+=" ${(qq)__distcc_session}" || __distcc_end='\builtin :'
    __distcc_at_end "$__distcc_end"
    \builtin set -- "$@" -j "$__distcc_jobs"
    \builtin unset __distcc_root __distcc_python __distcc_end __distcc_text __distcc_session __distcc_jobs
    "$@"
)

# Completes the command behind distcc_build, as behind nohup or time.
(( ! ${+functions[compdef]} )) || compdef _precommand distcc_build

\builtin setopt "$__distcc_aliases"
\builtin unset __distcc_aliases

# shellcheck shell=bash
# shellcheck disable=SC2154 # __distcc_root, which is set by whoever reads this
# distcc_build itself, read by distcc.sh and distcc.zsh: what bash and zsh understand alike. They
# have set __distcc_root, defined __distcc_is_program, and expand no alias meanwhile.

\builtin unalias distcc_build 2>/dev/null || \builtin :

__distcc_fail() {
    \builtin printf 'distcc-driver: %s\n' "$1" >&2
    \builtin exit 96
}

# Runs interpreter $2 on the driver in directory $1. From its own directory, without PYTHON*
# variables and site-packages: nothing of the tree that is being built can be imported.
# For the sub-shell of a caller: exec makes the driver the child of that.
__distcc_drive() {
    \builtin cd ${ZSH_VERSION:+"-q"} -- "$1" || \builtin exit 96
    \builtin typeset __distcc_driver
    __distcc_driver=$2
    \builtin shift 2
    \builtin exec "$__distcc_driver" -ESs -m distcc_driver "$@" </dev/null
}

# Sets __distcc_python, the interpreter to use.
__distcc_find_python() {
    __distcc_python=${DISTCC_DRIVER_PYTHON-}
    case $__distcc_python in
        '')
            __distcc_python=$__distcc_root/.venv/bin/python
            [[ -x $__distcc_python ]] || __distcc_python=python3
            ;;
        /*) ;;
        */*) __distcc_python=$PWD/$__distcc_python ;;
    esac
    __distcc_is_program "$__distcc_python" ||
        __distcc_fail "$__distcc_python: no such interpreter; run make -C '$__distcc_root' install, or set DISTCC_DRIVER_PYTHON"
}

# Dies of SIGINT as a build would: a loop around distcc_build ends too, which no status can do.
__distcc_interrupted() {
    \builtin trap - EXIT INT
    \builtin exec /bin/sh -c 'kill -s INT "$$"; exit 130' # zsh would catch a signal to itself
}

# The plan printed nothing; $1 is its status.
__distcc_plan_failed() {
    case $1 in
        96 | 97 | 129 | 131 | 143) \builtin exit "$1" ;;
        130) __distcc_interrupted ;;
    esac
    __distcc_fail "$__distcc_python: failed with status $1; run make -C '$__distcc_root' install"
}

# Closes session $3 of the driver $1 and $2; if empty, what a plan opened and could not tell.
__distcc_release() {
    \builtin trap '' HUP INT QUIT TERM
    (__distcc_drive "$1" "$2" release "$3" >/dev/null)
}

# Arranges that a signal ends this sub-shell in order, with command $1 at its end. (The EXIT
# trap is not set here: in zsh it would belong to this function, and run at the end of it.)
__distcc_trap_signals() {
    # shellcheck disable=SC2064 # the command is whole, its words are quoted
    \builtin trap "$1; __distcc_interrupted" INT
    \builtin trap '\builtin exit 129' HUP
    \builtin trap '\builtin exit 131' QUIT
    \builtin trap '\builtin exit 143' TERM
}

__distcc_build() {
    (($#)) || __distcc_fail 'distcc_build: no command; write it behind, as in: distcc_build make all'
    __distcc_is_program distcc || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    # Declared, so that zsh's warn_create_global is content; not local there, for a trap on EXIT
    # runs when the locals of its function are gone.
    \builtin typeset ${ZSH_VERSION:+"-g"} __distcc_python __distcc_text __distcc_end __distcc_jobs
    __distcc_find_python
    # shellcheck disable=SC2016 # expanded by the trap, while the variables are still there
    __distcc_end='__distcc_release "$__distcc_root" "$__distcc_python" ""'
    # shellcheck disable=SC2064
    \builtin trap "$__distcc_end" EXIT
    __distcc_trap_signals "$__distcc_end"
    __distcc_text=$(__distcc_drive "$__distcc_root" "$__distcc_python" plan "$$") || __distcc_plan_failed "$?"
    __distcc_jobs=''
    \builtin eval "$__distcc_text"
    [[ -n $__distcc_jobs ]] || __distcc_fail 'the environment of the build cannot be set; is a DISTCC variable read-only?'
    # shellcheck disable=SC2064 # now the words are known, and quoted by the plan
    \builtin trap "$__distcc_end" EXIT
    __distcc_trap_signals "$__distcc_end"
    \builtin set -- "$@" -j "$__distcc_jobs"
    \builtin unset __distcc_root __distcc_python __distcc_text __distcc_end __distcc_jobs
    "$@"
}

# A sub-shell, so that no trap, option, directory or variable of the caller changes; and a short
# one, for bash shows its text in the job table.
distcc_build() (
    __distcc_build "$@"
)

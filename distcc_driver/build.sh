# shellcheck shell=bash
# shellcheck disable=SC2154 # __distcc_root, which is set by whoever reads this
# distcc_build itself, read by distcc.sh and distcc.zsh: what bash and zsh understand alike. They
# have set __distcc_root and defined __distcc_is_program, and expand no alias meanwhile. A function
# assigns to its own locals only: zsh warns of all else, where the user wants it to.

\builtin unalias distcc_build 2>/dev/null || \builtin :

__distcc_fail() {
    # A name may have in it what a terminal would act on.
    if [[ $1 == *[^[:print:]]* ]]; then
        \builtin printf 'distcc-driver: %q\n' "$1" >&2
    else
        \builtin printf 'distcc-driver: %s\n' "$1" >&2
    fi
    \builtin exit 96
}

# Prints how to put an incomplete installation right.
__distcc_remedy() {
    if [[ -e $__distcc_root/distcc.sh ]]; then
        \builtin printf "run make -C '%s' install" "$__distcc_root"
    else
        \builtin printf 'install distcc-driver again'
    fi
}

# Becomes the driver, run by interpreter $1 with the other arguments; if $1 is empty, by the one
# that the user wants or that is there. For the sub-shell of a caller, of which it is the child then.
__distcc_drive() {
    \builtin typeset __distcc_python
    __distcc_python=${1:-${DISTCC_DRIVER_PYTHON-}}
    case $__distcc_python in
        '')
            __distcc_python=$__distcc_root/.venv/bin/python
            case $__distcc_root in
                # A package in PREFIX/lib/python3.N/site-packages; PREFIX has none after pip install --user.
                */lib*/python3*/*-packages | */lib*/pypy3*/*-packages)
                    __distcc_python=${__distcc_root%/*}
                    __distcc_python=${__distcc_python%/lib*/*}/bin/${__distcc_python##*/}
                    [[ -x $__distcc_python ]] || __distcc_python=${__distcc_python##*/}
                    ;;
            esac
            __distcc_is_program "$__distcc_python" || __distcc_python=python3
            ;;
        /*) ;;
        */*) __distcc_python=$PWD/$__distcc_python ;;
    esac
    __distcc_is_program "$__distcc_python" ||
        __distcc_fail "$__distcc_python: no such interpreter; $(__distcc_remedy), or set DISTCC_DRIVER_PYTHON"
    \builtin shift
    # From our directory, where -m finds us, without PYTHON* variables and site-packages: nothing of
    # the tree that is being built can be imported.
    \builtin cd ${ZSH_VERSION:+"-q"} -P -- "$__distcc_root" 2>/dev/null ||
        __distcc_fail "$__distcc_root: no such directory; source the distcc.sh or distcc.zsh that is there now"
    \builtin ulimit -S -c 0 2>/dev/null || \builtin : # or Ctrl-\ leaves a core file there
    \builtin set -- "$__distcc_python" -ESs -m distcc_driver "$@"
    # An interpreter that is interrupted while it starts says so at length: until the plan is reached,
    # standard error waits as descriptor 3. Where it is closed, there is nothing to keep quiet.
    if [[ $5 == plan ]] && { [[ -n $5 ]]; } >&2; then
        \builtin exec "$@" 3 </dev/null 3>&2 2>/dev/null
    fi
    \builtin exec "$@" </dev/null
}

# Closes session $2 with interpreter $1; both are empty for what a plan opened and could not tell.
__distcc_release() {
    \builtin trap '' HUP INT QUIT TERM
    # Again inside: a sub-shell of zsh does not ignore what its parent does.
    (
        \builtin trap '' HUP INT QUIT TERM
        __distcc_drive "$1" release "$2" >/dev/null
    )
}

# Tells what the workers have done, by interpreter $2 with the words behind it; $1 is what $SECONDS was
# when the build began. Without words there is nothing to tell.
__distcc_report() {
    (($# > 1)) && __distcc_is_program "$2" || \builtin return 0
    # Whole seconds can be one too many, and the report itself knows better. They may be unknown:
    # whoever unsets SECONDS has an ordinary variable of that name.
    if [[ -n $1 && -n ${SECONDS-} && $SECONDS != *[!0-9.]* ]]; then
        ((10#${SECONDS%%.*} - 10#${1%%.*} >= 2)) || \builtin return 0
    fi
    \builtin shift
    # A signal ends the report only: what comes behind it must be done.
    \builtin trap '\builtin :' HUP INT QUIT TERM
    # The report itself sees to SIGINT, without a word. Of one that dies of it, zsh would die, too.
    (
        \builtin trap '' INT
        __distcc_drive "$@" >/dev/null
    ) || \builtin :
}

# Leaves the EXIT trap nothing to do. In zsh, an exit in a trap lets it call one function and no more.
# shellcheck disable=SC2317 # called by the traps
__distcc_all_done() {
    __distcc_report() { \builtin :; }
    __distcc_release() { \builtin :; }
}

# Dies of SIGINT as a build would: a loop around distcc_build ends too, which no status can do.
__distcc_interrupted() {
    \builtin trap - EXIT INT
    \builtin exec /bin/sh -c 'kill -s INT "$$"; exit 130' # zsh would catch a signal to itself
}

# There is no plan; $1 is the status of what should have made one.
__distcc_plan_failed() {
    # Unless it was killed, it has closed what it opened. Not left to the EXIT trap: in zsh, an
    # exit this deep would end the trap's functions too.
    (($1 < 128)) || __distcc_release '' ''
    __distcc_all_done
    case $1 in
        96 | 97 | 129 | 131 | 143) \builtin exit "$1" ;;
        130) __distcc_interrupted ;;
    esac
    __distcc_fail "${DISTCC_DRIVER_PYTHON:-python}: no plan, but status $1; $(__distcc_remedy), or set DISTCC_DRIVER_PYTHON"
}

# Arranges that a signal ends this sub-shell in order, with command $1 at its end. (The EXIT
# trap is not set here: in zsh it would belong to this function, and run at the end of it.)
# shellcheck disable=SC2064 # the command is whole, its words are quoted
__distcc_trap_signals() {
    \builtin trap "$1; __distcc_interrupted" INT
    \builtin trap "$1; __distcc_all_done; \\builtin 'exit' 129" HUP
    \builtin trap "$1; __distcc_all_done; \\builtin 'exit' 131" QUIT
    \builtin trap "$1; __distcc_all_done; \\builtin 'exit' 143" TERM
}

__distcc_build() {
    (($#)) || __distcc_fail 'distcc_build: no command; write it behind, as in: distcc_build make all'
    __distcc_is_program distcc || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    \builtin typeset __distcc_text __distcc_end __distcc_words __distcc_jobs
    \builtin trap "__distcc_release '' ''" EXIT
    __distcc_trap_signals "__distcc_release '' ''"
    # The text tells, not the status: after Ctrl-Z and fg, that of zsh is made up.
    __distcc_jobs=0
    __distcc_text=$(__distcc_drive '' 'plan' "$$") || __distcc_jobs=$?
    [[ $__distcc_text == *__distcc_jobs=* ]] || __distcc_plan_failed "$__distcc_jobs"
    __distcc_jobs=''
    \builtin eval "$__distcc_text"
    [[ -n $__distcc_jobs ]] ||
        __distcc_fail 'distcc_build: the environment of the build cannot be set; is a DISTCC variable read-only?'
    __distcc_text=${SECONDS-}
    [[ $__distcc_text != *[!0-9.]* ]] || __distcc_text=''
    # shellcheck disable=SC2064 # now the words are known, and quoted by the plan
    \builtin trap "__distcc_report '$__distcc_text' $__distcc_words; $__distcc_end" EXIT
    __distcc_trap_signals "$__distcc_end"
    \builtin set -- "$@" -j "$__distcc_jobs"
    \builtin unset __distcc_text __distcc_end __distcc_words __distcc_jobs
    # In a sub-shell, for it may be a function that sets traps, or exec: the end is ours.
    ("$@")
}

# A sub-shell, so that no trap, option, directory or variable of the caller changes; a short one,
# for bash shows its text in the job table; and not the last command, for then an interactive bash
# would not end a loop around it on Ctrl-C.
distcc_build() {
    (__distcc_build "$@")
    \builtin return "$?"
}

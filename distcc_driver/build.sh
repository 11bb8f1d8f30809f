# shellcheck shell=bash
# shellcheck disable=SC2154 # __distcc_root, which is set by whoever reads this
# shellcheck disable=SC2064 # what a trap does is known when it is set
# shellcheck disable=SC2317 # traps call functions
# distcc_build itself, read by distcc.sh and distcc.zsh: what bash and zsh understand alike. They
# have set __distcc_root and defined __distcc_is_program, and expand no alias meanwhile. A function
# assigns to its own locals only: zsh warns of all else, where the user wants it to. Signals stand in
# traps by their numbers (HUP 1, INT 2, QUIT 3, TERM 15): zsh 5.0.8 does not know their names in every place.

\builtin unalias distcc_build 2>/dev/null || \builtin :

# Ends with message $1 and status $2, 96 if that is not given.
__distcc_fail() {
    # A name may have in it what a terminal would act on.
    if [[ $1 == *[^[:print:]]* ]]; then
        \builtin printf 'distcc-driver: %q\n' "$1" >&2
    else
        \builtin printf 'distcc-driver: %s\n' "$1" >&2
    fi
    \builtin exit "${2:-96}"
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
    \builtin trap '' 1 2 3 15
    # Again inside: a sub-shell of zsh does not ignore what its parent does.
    (
        \builtin trap '' 1 2 3 15
        __distcc_drive "$1" release "$2" >/dev/null
    )
}

# Tells what the workers have done, by interpreter $3 with the words behind it; $1 is the status of the
# build, $2 what $SECONDS was when it began. Without words there is nothing to tell.
__distcc_report() {
    (($# > 2)) && __distcc_is_program "$3" || \builtin return 0
    # Whole seconds can be one too many, and the report itself knows better. They may be unknown:
    # whoever unsets SECONDS has an ordinary variable of that name.
    if [[ -n $2 && -n ${SECONDS-} && $SECONDS != *[!0-9.]* ]]; then
        ((10#${SECONDS%%.*} - 10#${2%%.*} >= 2)) || \builtin return 0
    fi
    \builtin set -- "$@" "$1"
    \builtin shift 2
    # A signal ends the report only: what comes behind it must be done.
    \builtin trap '\builtin :' 1 2 3 15
    # The report itself sees to SIGINT, without a word. Of one that dies of it, zsh would die, too.
    (
        \builtin trap '' 2
        __distcc_drive "$@" >/dev/null
    ) || \builtin :
}

# Dies of signal $1 as a build would. For the shell that waits it is another thing than a status: a loop
# around distcc_build ends on SIGINT, and bash sets a terminal right that a killed build has left.
__distcc_die() {
    \builtin trap - EXIT "$1"
    \builtin ulimit -S -c 0 2>/dev/null || \builtin :
    # Not by itself: zsh would catch it.
    # shellcheck disable=SC2016 # that shell expands it
    \builtin exec /bin/sh -c 'kill "-$1" "$$"; exit "$((128 + $1))"' sh "$1"
}

# Ends with a message if a signal has killed the plan, which has status $1 then.
__distcc_plan_killed() {
    \builtin typeset __distcc_name __distcc_advice __distcc_status
    (($1 > 128)) && __distcc_name=$(\builtin kill -l "$(($1 - 128))" 2>/dev/null) || \builtin return 0
    [[ $__distcc_name == [A-Z]* ]] || \builtin return 0 # zsh gives a number where no signal has it
    [[ $__distcc_name != IOT ]] || __distcc_name=ABRT # which zsh calls so
    __distcc_status=96
    case $1 in
        129 | 131 | 143) __distcc_status=$1 __distcc_advice='build again' ;;
        137) __distcc_advice='was this machine or container out of memory? dmesg tells' ;;
        *) __distcc_advice='set DISTCC_DRIVER_PYTHON to another interpreter' ;;
    esac
    __distcc_name="signal $(($1 - 128)) (SIG$__distcc_name)"
    __distcc_fail "${DISTCC_DRIVER_PYTHON:-python}: $__distcc_name ended the plan; $__distcc_advice" "$__distcc_status"
}

# There is no plan; $1 is the status of what should have made one.
__distcc_plan_failed() {
    # Unless it was killed, it has closed what it opened. Not left to the EXIT trap: in zsh, an
    # exit this deep would end the trap's functions too.
    (($1 < 128)) || __distcc_release '' ''
    __distcc_release() { \builtin :; }
    case $1 in
        96 | 97) \builtin exit "$1" ;;
        130) __distcc_die 2 ;;
    esac
    __distcc_plan_killed "$1"
    __distcc_fail "${DISTCC_DRIVER_PYTHON:-python}: no plan, but status $1; $(__distcc_remedy), or set DISTCC_DRIVER_PYTHON"
}

# The status tells which signals this shell ignores (proc(5)): the sum of HUP 1, INT 2, QUIT 4 and TERM 8.
__distcc_ignores() {
    \builtin typeset __distcc_line __distcc_mask
    __distcc_mask=0
    while IFS= \builtin read -r __distcc_line && [[ $__distcc_line != SigIgn:* ]]; do
        \builtin :
    done 2>/dev/null </proc/self/status || \builtin :
    [[ $__distcc_line != SigIgn:* ]] || __distcc_mask=$((0x${__distcc_line#SigIgn:?????????????}))
    \builtin return "$((__distcc_mask & 7 | __distcc_mask >> 11 & 8))"
}

# The end of a build that ended with status $1, and the status of distcc_build.
__distcc_finish() {
    __distcc_finish() { \builtin :; } # the EXIT trap has nothing left to do
    if [[ -n ${__distcc_caught-} ]] && (($1 == 128 + __distcc_caught)); then
        __distcc_report() { \builtin :; }
    fi
    __distcc_close "$1"
    [[ -z ${__distcc_caught-} ]] || (($1 != 128 + __distcc_caught)) || __distcc_die "$__distcc_caught"
    \builtin return "$1"
}

__distcc_build() {
    # What traps of the user would say of us goes to nobody, least of all into the plan.
    \builtin trap - DEBUG ERR ${BASH_VERSION:+RETURN}
    (($#)) || __distcc_fail 'distcc_build: no command; write it behind, as in: distcc_build make all'
    __distcc_is_program distcc || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    \builtin typeset __distcc_text __distcc_end __distcc_words __distcc_jobs __distcc_caught \
        __distcc_signal __distcc_ignoring
    [[ -n ${ZSH_VERSION-} ]] || __distcc_ignores || __distcc_ignored=$((__distcc_ignored | $?))
    __distcc_ignoring=''
    # Traps are set right here, for a function would take them with it: EXIT in zsh, and all with LOCAL_TRAPS.
    \builtin trap "__distcc_release '' ''" EXIT
    for __distcc_signal in 1 2 3 15; do
        if ((__distcc_ignored & (__distcc_signal == 15 ? 8 : 1 << (__distcc_signal - 1)))); then
            \builtin trap '' "$__distcc_signal" # anew, which sub-shells of zsh need
            __distcc_ignoring="$__distcc_ignoring \\builtin \\trap '' $__distcc_signal;"
        else
            \builtin trap "__distcc_release '' ''; __distcc_die $__distcc_signal" "$__distcc_signal"
        fi
    done
    # The text tells, not the status: after Ctrl-Z and fg, that of zsh is made up.
    __distcc_jobs=0
    __distcc_text=$(__distcc_drive '' 'plan' "$$") || __distcc_jobs=$?
    # In front of the plan is what the user's shell may have traced into it.
    __distcc_text=${__distcc_text#*"__distcc_begin &&"}
    [[ $__distcc_text == *__distcc_jobs=* ]] || __distcc_plan_failed "$__distcc_jobs"
    __distcc_jobs=''
    \builtin eval "$__distcc_text"
    [[ -n $__distcc_jobs ]] ||
        __distcc_fail 'distcc_build: the environment of the build cannot be set; is a DISTCC variable read-only?'
    __distcc_text=${SECONDS-}
    [[ $__distcc_text != *[!0-9.]* ]] || __distcc_text=''
    # The words of the plan are quoted by it.
    \builtin eval "__distcc_close() { __distcc_report \"\$1\" '$__distcc_text' $__distcc_words; $__distcc_end; }"
    \builtin trap '__distcc_finish "$?"' EXIT
    # From now on the build decides what becomes of a signal: this shell acts on it when that has ended.
    for __distcc_signal in 1 2 3 15; do
        [[ $__distcc_ignoring == *" $__distcc_signal;"* ]] ||
            \builtin trap "__distcc_caught=$__distcc_signal" "$__distcc_signal"
    done
    \builtin set -- "$@" -j "$__distcc_jobs"
    __distcc_text="\\builtin \\unset __distcc_text __distcc_caught __distcc_ignored;$__distcc_ignoring"
    \builtin unset __distcc_end __distcc_words __distcc_jobs __distcc_signal __distcc_ignoring
    # In a sub-shell, for it may be a function that sets traps, or exec: the end is ours. It sees nothing
    # of ours.
    \builtin eval "($__distcc_text \\builtin \\unset -f __distcc_close; \"\$@\")"
    __distcc_finish "$?"
}

# A sub-shell, so that no trap, option, directory or variable of the caller changes; a short one,
# for bash shows its text in the job table; and not the last command, for then an interactive bash
# would not end a loop around it on Ctrl-C.
distcc_build() {
    \builtin typeset __distcc_ignored
    __distcc_ignored=0
    # A sub-shell of zsh does not know it any more, nor does one in a job of bash in the background. The
    # shells themselves ignore QUIT, and TERM at a prompt.
    if [[ -n ${ZSH_VERSION-} ]] || ((${BASH_SUBSHELL-0})); then
        __distcc_ignores || __distcc_ignored=$(($? & 11))
        [[ $- != *i* ]] || __distcc_ignored=$((__distcc_ignored & 3))
    fi
    (__distcc_build "$@")
    \builtin return "$?"
}

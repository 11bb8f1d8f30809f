# shellcheck shell=bash
# shellcheck disable=SC2154 # the file that sources this one sets __distcc_root
# shellcheck disable=SC2064 # the texts of traps are expanded when the traps are set
# shellcheck disable=SC2317 # only traps call some of these functions
#
# distcc_build, in the language that bash and zsh share. distcc.sh, distcc.zsh and program.sh source this file. Before
# that, they set __distcc_root, define __distcc_is_program and switch the expansion of aliases off.
#
# The life of a build:
#   1. distcc_build opens a sub-shell, so that the user's shell keeps its traps, options and variables.
#   2. In the sub-shell, __distcc_build sets traps: a signal now ends the plan and closes the tunnels that it opened.
#   3. __distcc_drive becomes Python, which asks the workers and prints the plan: shell code that exports DISTCC_HOSTS.
#   4. __distcc_build evaluates the plan, or __distcc_plan_failed says why there is none.
#   5. The traps change: the sub-shell notes a signal, and acts on it only when the command has ended.
#   6. The command runs with -j N behind it, or with N in place of {jobs}, in a sub-shell of its own that has none of our
#      variables.
#   7. __distcc_finish prints the report of a longer build, and closes the tunnels.
#   8. distcc_build returns the status of the command, or dies of the signal that killed the command.
#
# Two rules for every line:
# - A function assigns to its own local variables only: zsh warns of other assignments under WARN_NESTED_VAR and
#   WARN_CREATE_GLOBAL.
# - Traps know signals by number (HUP 1, INT 2, QUIT 3, TERM 15): zsh 5.0.8 does not know the names in every place.

\builtin unalias distcc_build 2>/dev/null || \builtin :

# ---- Messages ------------------------------------------------------------------------------------------------------

# Usage: __distcc_fail MESSAGE [STATUS]
# Prints MESSAGE and exits with STATUS, by default 96.
__distcc_fail() {
    # A name in the message may have characters that a terminal obeys: print them as escapes.
    if [[ $1 == *[^[:print:]]* ]]; then
        \builtin printf 'distcc-driver: %q\n' "$1" >&2
    else
        \builtin printf 'distcc-driver: %s\n' "$1" >&2
    fi
    \builtin exit "${2:-96}"
}

# Usage: __distcc_remedy
# Prints how to repair an incomplete installation.
__distcc_remedy() {
    if [[ -e $__distcc_root/distcc.sh ]]; then
        \builtin printf "run make -C '%s' install" "$__distcc_root"
    else
        \builtin printf 'install distcc-driver again'
    fi
}

# ---- Python --------------------------------------------------------------------------------------------------------

# Usage: __distcc_drive INTERPRETER WORD...
# Replaces this shell by `python -m distcc_driver WORD...`: call it in a sub-shell. If INTERPRETER is empty, it takes
# DISTCC_DRIVER_PYTHON, or else the interpreter of this installation, or else python3.
__distcc_drive() {
    \builtin typeset __distcc_python __distcc_library
    __distcc_python=${1:-${DISTCC_DRIVER_PYTHON-}}
    case $__distcc_python in
        '')
            __distcc_python=$__distcc_root/.venv/bin/python
            case $__distcc_root in
                # A package: PREFIX/lib/python3.N/site-packages. After pip install --user, PREFIX/bin has no Python.
                */lib*/python3*/*-packages | */lib*/pypy3*/*-packages)
                    __distcc_library=${__distcc_root%/*}
                    __distcc_python=${__distcc_library%/lib*/*}/bin/${__distcc_library##*/}
                    [[ -x $__distcc_python ]] || __distcc_python=${__distcc_library##*/}
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
    # Python looks for the package in the working directory: enter ours. With -ESs it ignores PYTHON* variables and
    # site-packages. So it can import nothing from the directory of the build.
    \builtin cd ${ZSH_VERSION:+"-q"} -P -- "$__distcc_root" 2>/dev/null ||
        __distcc_fail "$__distcc_root: no such directory; source the distcc.sh or distcc.zsh that is there now"
    \builtin ulimit -S -c 0 2>/dev/null || \builtin : # Ctrl-\ would leave a core file in our directory
    \builtin set -- "$__distcc_python" -ESs -m distcc_driver "$@"
    # A Python that is interrupted while it starts prints a traceback. So the plan starts without standard error, and
    # restores it from descriptor 3 (see __main__.py). The test in braces fails if standard error is closed.
    if [[ $5 == plan ]] && { [[ -n $5 ]]; } >&2; then
        \builtin exec "$@" 3 </dev/null 3>&2 2>/dev/null
    fi
    \builtin exec "$@" </dev/null
}

# Usage: __distcc_release INTERPRETER SESSION
# Closes the tunnels of SESSION. If both are empty, closes those that an unfinished plan of this shell has opened.
__distcc_release() {
    \builtin trap '' 1 2 3 15
    (
        \builtin trap '' 1 2 3 15 # again, because a sub-shell of zsh forgets which signals its parent ignores
        __distcc_drive "$1" release "$2" >/dev/null
    )
}

# Usage: __distcc_report STATUS BEGAN [INTERPRETER WORD...]
# Prints what the workers have done for a build that took 2 s or more and ended with STATUS. BEGAN is $SECONDS at its
# start, and may be empty. The plan gives INTERPRETER and the words, or leaves them out if there is nothing to report.
__distcc_report() {
    (($# > 2)) && __distcc_is_program "$3" || \builtin return 0
    # A difference of whole seconds can be 1 s too long: the report measures again. If the user has unset SECONDS, it is
    # an ordinary variable with any value.
    if [[ -n $2 && -n ${SECONDS-} && $SECONDS != *[!0-9.]* ]]; then
        ((10#${SECONDS%%.*} - 10#${2%%.*} >= 2)) || \builtin return 0
    fi
    \builtin set -- "$@" "$1"
    \builtin shift 2
    # A signal ends the report, but not this shell: it must still close the tunnels.
    \builtin trap '\builtin :' 1 2 3 15
    # The report ends by itself on SIGINT. If it died of SIGINT, zsh would die, too.
    (
        \builtin trap '' 2
        __distcc_drive "$@" >/dev/null
    ) || \builtin :
}

# ---- The end of a build --------------------------------------------------------------------------------------------
#
# __distcc_closed is set when the tunnels are closed, or are about to be: the EXIT trap then has nothing to do. It is
# a global variable of the sub-shell: when `set -e` ends a build in bash, the EXIT trap sees no local variable. `export`
# makes it, because under WARN_CREATE_GLOBAL zsh would warn of an assignment.

# Usage: __distcc_die SIGNAL
# Lets this shell die of SIGNAL, as a command would. The shell that waits for it can tell this from an exit status: it
# ends a loop around distcc_build on SIGINT, and bash restores the settings of the terminal.
__distcc_die() {
    \builtin trap - EXIT "$1"
    \builtin ulimit -S -c 0 2>/dev/null || \builtin :
    # Another shell sends the signal: zsh would catch one that it sends to itself.
    # shellcheck disable=SC2016 # that shell expands the text
    \builtin exec /bin/sh -c 'kill "-$1" "$$"; exit "$((128 + $1))"' sh "$1"
}

# Usage: __distcc_abandon
# Closes the tunnels that an unfinished plan of this shell has opened. A second call does nothing.
__distcc_abandon() {
    [[ -n ${__distcc_closed-} ]] || __distcc_release '' ''
    \builtin export __distcc_closed=yes
}

# Usage: __distcc_plan_killed STATUS
# If STATUS says that a signal has killed the plan, prints a message and exits.
__distcc_plan_killed() {
    \builtin typeset __distcc_name __distcc_cause __distcc_advice __distcc_exit
    (($1 > 128)) && __distcc_name=$(\builtin kill -l "$(($1 - 128))" 2>/dev/null) || \builtin return 0
    [[ $__distcc_name == [A-Z]* ]] || \builtin return 0 # zsh prints a number if there is no such signal
    [[ $__distcc_name != IOT ]] || __distcc_name=ABRT   # zsh prints the other name of this signal
    __distcc_exit=96
    case $1 in
        129 | 131 | 143) __distcc_exit=$1 __distcc_advice='build again' ;;
        137) __distcc_advice='was this machine or container out of memory? dmesg tells' ;;
        *) __distcc_advice='set DISTCC_DRIVER_PYTHON to another interpreter' ;;
    esac
    __distcc_cause="signal $(($1 - 128)) (SIG$__distcc_name)"
    __distcc_fail "${DISTCC_DRIVER_PYTHON:-python}: $__distcc_cause ended the plan; $__distcc_advice" "$__distcc_exit"
}

# Usage: __distcc_plan_failed STATUS
# Exits, because Python ended with STATUS and printed no plan.
__distcc_plan_failed() {
    # Only a plan that was killed has not closed its tunnels. Close them here and not in the EXIT trap: zsh would leave
    # the functions of that trap early, because `exit` is pending.
    (($1 < 128)) || __distcc_abandon
    \builtin export __distcc_closed=yes
    case $1 in
        96 | 97) \builtin exit "$1" ;;
        130) __distcc_die 2 ;;
    esac
    __distcc_plan_killed "$1"
    __distcc_fail "${DISTCC_DRIVER_PYTHON:-python}: no plan, but status $1; $(__distcc_remedy), or set DISTCC_DRIVER_PYTHON"
}

# Usage: __distcc_define_end BEGAN WORDS END
# Defines two functions: `__distcc_tell STATUS` prints the report, and __distcc_close closes the tunnels. WORDS and END
# are code from the plan. They become functions because an EXIT trap does not see the variables of __distcc_build.
__distcc_define_end() {
    # In one line each: under CSH_JUNKIE_QUOTES zsh allows no newline between quotes.
    \builtin eval "__distcc_tell() { __distcc_report \"\$1\" '$1' $2; }"
    \builtin eval "__distcc_close() { $3; }"
}

# Usage: __distcc_finish STATUS
# Ends a build whose command ended with STATUS, and returns STATUS. __distcc_build calls it, and so does the EXIT trap,
# because under `set -e` a command that fails ends __distcc_build. A second call does nothing.
__distcc_finish() {
    [[ -z ${__distcc_closed-} ]] || \builtin return 0
    \builtin export __distcc_closed=yes
    if [[ -n ${__distcc_caught-} ]] && (($1 == 128 + __distcc_caught)); then
        __distcc_close
        __distcc_die "$__distcc_caught"
    fi
    __distcc_tell "$1"
    __distcc_close
    \builtin return "$1"
}

# ---- Ignored signals -----------------------------------------------------------------------------------------------

# Usage: __distcc_ignores
# Returns which signals this shell ignores, as a sum: HUP 1, INT 2, QUIT 4, TERM 8. Linux tells them (proc(5)).
__distcc_ignores() {
    \builtin typeset __distcc_line __distcc_mask
    __distcc_mask=0
    while IFS= \builtin read -r __distcc_line && [[ $__distcc_line != SigIgn:* ]]; do
        \builtin :
    done 2>/dev/null </proc/self/status || \builtin :
    [[ $__distcc_line != SigIgn:* ]] || __distcc_mask=$((0x${__distcc_line#SigIgn:?????????????}))
    \builtin return "$((__distcc_mask & 7 | __distcc_mask >> 11 & 8))"
}

# Usage: __distcc_is_ignored SIGNAL
# Succeeds if the build must ignore SIGNAL, because the user's shell does.
__distcc_is_ignored() {
    ((__distcc_ignored & ($1 == 15 ? 8 : 1 << ($1 - 1))))
}

# ---- The number of jobs --------------------------------------------------------------------------------------------

# Usage: __distcc_insert_jobs JOBS WORD
# Sets __distcc_word to WORD with JOBS in place of each {jobs}, and __distcc_inserted to yes if there was one. {{jobs}} is
# {jobs} literally. Both variables are local to the caller: `export`, because zsh would warn of assignments.
__distcc_insert_jobs() {
    \builtin typeset __distcc_mark __distcc_head __distcc_done __distcc_rest
    __distcc_mark='{jobs}' # quoted, because zsh expands braces under BRACE_CCL
    __distcc_done=''
    __distcc_rest="$2" # quoted, as are all values here: zsh expands * in assignments under GLOB_ASSIGN
    while \builtin :; do
        __distcc_head="${__distcc_rest%%"$__distcc_mark"*}"
        # Compare lengths: under `shopt -s nocasematch`, [[ ]] would find {JOBS}, too.
        ((${#__distcc_head} < ${#__distcc_rest})) || \builtin break
        __distcc_done="$__distcc_done$__distcc_head"
        __distcc_rest="${__distcc_rest#*"$__distcc_mark"}"
        if [[ $__distcc_done == *'{' && $__distcc_rest == '}'* ]]; then
            __distcc_done="${__distcc_done%\{}$__distcc_mark"
            __distcc_rest="${__distcc_rest#\}}"
        else
            __distcc_done="$__distcc_done$1"
            \builtin export __distcc_inserted=yes
        fi
    done
    \builtin export __distcc_word="$__distcc_done$__distcc_rest"
}

# ---- The build -----------------------------------------------------------------------------------------------------

# Usage: __distcc_build COMMAND [ARGUMENT]...
# Does all of distcc_build, in its sub-shell. It sets the traps itself: when a function returns, zsh runs and removes
# the EXIT trap that the function has set, and with LOCAL_TRAPS removes its other traps.
__distcc_build() {
    \builtin unset __distcc_closed # the environment may have it
    \builtin trap - DEBUG ERR ${BASH_VERSION:+RETURN} # what a trap of the user prints could get into the plan
    (($#)) || __distcc_fail 'distcc_build: no command; write it behind, as in: distcc_build make all'
    __distcc_is_program distcc || __distcc_fail 'distcc: not found on PATH; install the package distcc'
    \builtin typeset __distcc_signal __distcc_plan __distcc_status __distcc_jobs __distcc_words __distcc_end \
        __distcc_began __distcc_prelude __distcc_caught __distcc_word __distcc_inserted __distcc_count
    # Not in the program: bash knows by itself which signals the program ignores. It ignores QUIT until it has a trap.
    [[ -n ${ZSH_VERSION-}${__distcc_program-} ]] || __distcc_ignores || __distcc_ignored=$((__distcc_ignored | $?))
    # The prelude is code for the command's sub-shell. It removes our variables and functions.
    __distcc_prelude='\builtin \unset __distcc_prelude __distcc_caught __distcc_ignored __distcc_program;'
    __distcc_prelude="$__distcc_prelude \\builtin \\unset -f __distcc_tell __distcc_close;"
    \builtin trap __distcc_abandon EXIT
    for __distcc_signal in 1 2 3 15; do
        if __distcc_is_ignored "$__distcc_signal"; then
            # Sub-shells of zsh forget which signals are ignored: ignore this one here, and again in the sub-shell of
            # the command.
            \builtin trap '' "$__distcc_signal"
            __distcc_prelude="$__distcc_prelude \\builtin \\trap '' $__distcc_signal;"
        elif [[ -z ${__distcc_program-} || $__distcc_signal == [23] ]]; then
            # Not for HUP and TERM in the program: bash would wait for the plan before it runs the trap. Without a trap,
            # they end bash at once, which then runs the EXIT trap.
            \builtin trap "__distcc_abandon; __distcc_die $__distcc_signal" "$__distcc_signal"
        fi
    done
    __distcc_status=0
    __distcc_plan=$(__distcc_drive '' 'plan' "$$") || __distcc_status=$?
    # If the user traces the shell, the text begins with traced commands: remove them.
    __distcc_plan=${__distcc_plan#*"__distcc_begin &&"}
    # Test the text, not the status: after Ctrl-Z and fg zsh reports a wrong status.
    [[ $__distcc_plan == *__distcc_jobs=* ]] || __distcc_plan_failed "$__distcc_status"
    __distcc_jobs=''
    \builtin eval "$__distcc_plan" # its last line sets __distcc_jobs, if all lines before have succeeded
    [[ -n $__distcc_jobs ]] ||
        __distcc_fail 'distcc_build: the environment of the build cannot be set; is a DISTCC variable read-only?'
    __distcc_began=${SECONDS-}
    [[ $__distcc_began != *[!0-9.]* ]] || __distcc_began=''
    __distcc_define_end "$__distcc_began" "$__distcc_words" "$__distcc_end"
    \builtin trap '__distcc_finish "$?"' EXIT
    for __distcc_signal in 1 2 3 15; do
        __distcc_is_ignored "$__distcc_signal" || \builtin trap "__distcc_caught=$__distcc_signal" "$__distcc_signal"
    done
    __distcc_inserted=''
    __distcc_count=$#
    for __distcc_word; do
        __distcc_insert_jobs "$__distcc_jobs" "$__distcc_word"
        \builtin set -- "$@" "$__distcc_word"
    done
    \builtin shift "$__distcc_count"
    [[ -n $__distcc_inserted ]] || \builtin set -- "$@" -j "$__distcc_jobs"
    # Under `set -a` these variables would be in the environment of the report. It may then be too long to start Python.
    \builtin unset __distcc_signal __distcc_plan __distcc_status __distcc_jobs __distcc_words __distcc_end \
        __distcc_began __distcc_word __distcc_inserted __distcc_count
    if [[ -n ${__distcc_program-} ]]; then
        __distcc_start "$@"
    else
        # A sub-shell, because the command may be a function that calls exec or sets traps.
        \builtin eval "($__distcc_prelude \"\$@\")"
    fi
    __distcc_finish "$?"
}

# Usage: distcc_build COMMAND [ARGUMENT]...
# Runs COMMAND in an environment in which distcc uses the workers of DISTCC_AUTO_HOSTS: with N in place of each {jobs} in
# its arguments, or else with `-j N` behind it.
distcc_build() {
    # In bash, `export -f distcc_build` takes this function alone to other shells.
    if [[ -z ${ZSH_VERSION-} ]] && ! \builtin declare -F __distcc_build >/dev/null; then
        if \builtin type -P distcc_build >/dev/null; then
            \builtin command distcc_build "$@"
            \builtin return "$?"
        fi
        \builtin printf 'distcc-driver: distcc_build: export -f leaves out what it calls; %s\n' \
            'source distcc.sh in this shell, or have the program distcc_build on PATH' >&2
        \builtin return 96
    fi
    \builtin typeset __distcc_ignored __distcc_program
    __distcc_ignored=0
    __distcc_program=''
    # Look now which signals are ignored: a sub-shell of zsh forgets it, and so does one in a background job of bash.
    # QUIT does not count, and at a prompt TERM does not either: shells ignore them by themselves.
    if [[ -n ${ZSH_VERSION-} ]] || ((${BASH_SUBSHELL-0})); then
        __distcc_ignores || __distcc_ignored=$(($? & 11))
        [[ $- != *i* ]] || __distcc_ignored=$((__distcc_ignored & 3))
    fi
    # This command is short because the job table of bash shows it. It is not the last one, because then Ctrl-C would
    # not end a loop around distcc_build in an interactive bash.
    (__distcc_build "$@")
    \builtin return "$?"
}

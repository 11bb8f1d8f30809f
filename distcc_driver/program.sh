# shellcheck shell=bash
# shellcheck disable=SC2317 # build.sh and traps call these functions
# shellcheck disable=SC2154 # PREFIX/bin/distcc_build sets __distcc_root, and build.sh __distcc_prelude
# shellcheck disable=SC2064 # the texts of traps are expanded when the traps are set
#
# distcc_build as a program. PREFIX/bin/distcc_build is run by bash, sets __distcc_root and sources this file.
#
# The function distcc_build opens a sub-shell in the user's shell. The program needs none: its process sets the traps, so a
# signal to this process alone, as from `timeout --foreground` or from a container's runtime, ends the build.

# Is $1 a program?
__distcc_is_program() {
    \builtin type -P -- "$1" >/dev/null
}

# shellcheck source=distcc_driver/build.sh
\builtin source "$__distcc_root/distcc_driver/build.sh"

# Usage: __distcc_start COMMAND [ARGUMENT]...
# Runs COMMAND, passes signals on to it, and returns its status. Meanwhile this shell reads from a pipe, because only
# `read` and `wait` let a trap run at once, and `wait` of bash 5.2 can lose the status of a command that a signal ends.
# Descriptor 20 is standard output, 21 the pipe. `\builtin exec` would undo these redirections.
__distcc_start() {
    \builtin typeset __distcc_pid __distcc_stdout __distcc_signal __distcc_status
    __distcc_pid='' __distcc_status=''
    __distcc_stdout='>&20'
    { exec 20>&1; } 2>/dev/null || __distcc_stdout='>&-'
    exec 21< <(__distcc_attend "$@")
    exec 20>&-
    for __distcc_signal in 1 2 3 15; do
        \builtin trap "__distcc_caught=$__distcc_signal; __distcc_pass_on $__distcc_signal" "$__distcc_signal"
    done
    IFS= \builtin read -r -u 21 __distcc_pid || \builtin :
    [[ -z ${__distcc_caught-} ]] || __distcc_pass_on "$__distcc_caught"
    IFS= \builtin read -r -u 21 __distcc_status || \builtin :
    exec 21<&-
    \builtin return "${__distcc_status:-137}"
}

# Usage: __distcc_attend COMMAND [ARGUMENT]...
# Runs COMMAND, and prints first its pid, then its status.
__distcc_attend() {
    \builtin trap '\builtin :' 1 2 3 15 # it outlives the command
    \builtin eval "(
        \builtin trap - 1 2 3 15 EXIT
        \builtin printf '%s\n' \"\$BASHPID\"
        exec $__distcc_stdout 20>&-
        $__distcc_prelude
        $(__distcc_exec "$1") \"\$@\")"
    \builtin printf '%s\n' "$?"
}

# Usage: __distcc_exec COMMAND
# Prints `exec` if COMMAND is a program: then the process that gets the signals is the program itself.
__distcc_exec() {
    [[ $(\builtin type -t -- "$1") != file ]] || \builtin printf '\\builtin exec --'
}

# Usage: __distcc_pass_on SIGNAL
# Sends SIGNAL to the command. INT and QUIT from the terminal have reached the command already: a second one would make
# some programs end without a clean-up.
__distcc_pass_on() {
    if (($1 == 2 || $1 == 3)) && __distcc_is_in_foreground; then
        \builtin return 0
    fi
    [[ -z $__distcc_pid ]] || \builtin kill "-$1" "$__distcc_pid" 2>/dev/null || \builtin :
}

# Usage: __distcc_is_in_foreground
# Succeeds if Ctrl-C at a terminal reaches the process group of this shell. Linux tells it (proc(5)).
__distcc_is_in_foreground() {
    \builtin typeset __distcc_line
    __distcc_line=''
    IFS= \builtin read -r __distcc_line 2>/dev/null </proc/self/stat || \builtin :
    # The words behind the name of the program: state, parent, group, session, terminal, its foreground group.
    # shellcheck disable=SC2086
    \builtin set -- ${__distcc_line##*) }
    [[ -n ${3-} && $3 == "${6-}" ]]
}

((SHLVL -= 1)) || \builtin : # bash has added 1 for this shell, which the build would not see without distcc_build
__distcc_ignored=0
__distcc_program=yes
__distcc_build "$@"
\builtin exit "$?"

# distcc_build for zsh. Source this file; then put the word in front of a build command.
#
# Words are quoted, called through \builtin or \command, or read while no alias is expanded: the
# aliases and functions of the shell that sources this must not reach it. Nothing newer than
# zsh 5.0; no option is relied on, and none is changed.

\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.zsh: this shell is not zsh; source distcc.sh instead\n' >&2
\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null || \return 1

# While this is read, no alias is expanded, for it may stand for a keyword, and nothing is exported.
\builtin 'typeset' -g "__distcc_aliases=${options[aliases]}" "__distcc_export=${options[allexport]}"
\builtin 'setopt' 'no_aliases' 'no_all_export'

# The directory with distcc_driver in it: that of this file, whatever links lead there, or the one above.
# (%x would give a newline in it as two letters.)
\builtin typeset -g __distcc_root="${${${funcsourcetrace[@]:0:1}%:*}:A:h}"
[[ ! -e $__distcc_root/build.sh ]] || \builtin typeset -g __distcc_root="${__distcc_root:h}" # installed

# Is $1 a program?
__distcc_is_program() {
    \builtin whence -p -- "$1" >/dev/null
}

\builtin source "$__distcc_root/distcc_driver/build.sh"

# Completes the command behind distcc_build, as behind nohup or time.
(( ! ${+functions[compdef]} )) || compdef _precommand distcc_build

[[ $__distcc_export == off ]] || \builtin setopt all_export
[[ $__distcc_aliases == off ]] || \builtin setopt aliases
\builtin 'unset' '__distcc_aliases' '__distcc_export'

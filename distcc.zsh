# distcc_build for zsh. Source this file; then put the word distcc_build in front of a build command.
#
# No alias or function of the user's shell may change what this file does. So words are quoted, or called through
# \builtin or \command, or read while the expansion of aliases is off. Works in zsh 5.0 and later, with any options.

\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.zsh: this shell is not zsh; source distcc.sh instead\n' >&2
\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null || \return 1

# An alias may replace a keyword, so switch the expansion of aliases off. Switch allexport off, too: it would export
# these variables.
\builtin 'typeset' -g "__distcc_aliases=${options[aliases]}" "__distcc_export=${options[allexport]}"
\builtin 'setopt' 'no_aliases' 'no_all_export'

# __distcc_root is the directory that contains distcc_driver: the real directory of this file in a clone, and the one
# above it in an installed package. (%x would write a newline in the name as \n.)
\builtin typeset -g __distcc_root="${${${funcsourcetrace[@]:0:1}%:*}:A:h}"
[[ ! -e $__distcc_root/build.sh ]] || \builtin typeset -g __distcc_root="${__distcc_root:h}" # an installed package

# Usage: __distcc_is_program NAME
# Succeeds if NAME is a program on PATH, or the path of one.
__distcc_is_program() {
    \builtin whence -p -- "$1" >/dev/null
}

\builtin source "$__distcc_root/distcc_driver/build.sh"

# Completes the command behind distcc_build, as zsh does behind nohup or time.
(( ! ${+functions[compdef]} )) || compdef _precommand distcc_build

[[ $__distcc_export == off ]] || \builtin setopt all_export
[[ $__distcc_aliases == off ]] || \builtin setopt aliases
\builtin 'unset' '__distcc_aliases' '__distcc_export'

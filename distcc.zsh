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

# The directory of this file, whatever links lead to it; `all_export` would hand it to every command.
\builtin typeset -g +x __distcc_root="${${(%):-%x}:A:h}"

# Is $1 a program?
__distcc_is_program() {
    \builtin whence -p "$1" >/dev/null
}

\builtin source "$__distcc_root/distcc_driver/build.sh"

# Completes the command behind distcc_build, as behind nohup or time.
(( ! ${+functions[compdef]} )) || compdef _precommand distcc_build

\builtin setopt "$__distcc_aliases"
\builtin unset __distcc_aliases

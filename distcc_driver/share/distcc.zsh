# An installation has this file as PREFIX/share/distcc-driver/distcc.zsh. Start files name this path, because no version
# of Python is in it. The file sources the distcc.zsh of the package in PREFIX/lib/python3.N, for the latest such N.
#
# The code follows the same rules as distcc.zsh of the package.

\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null ||
    \printf 'distcc-driver: distcc.zsh: this shell is not zsh; source distcc.sh instead\n' >&2
\builtin 'test' -n "${ZSH_VERSION-}" 2>/dev/null || \return 1

\builtin 'typeset' -g "__distcc_expand=${options[aliases]}"
\builtin 'setopt' 'no_aliases'

\builtin typeset -g __distcc_prefix="${${${funcsourcetrace[@]:0:1}%:*}:A:h:h:h}" __distcc_shim __distcc_minor=40
while [[ $__distcc_minor -ge 10 ]]; do
    for __distcc_shim in site dist; do
        __distcc_shim=$__distcc_prefix/lib/python3.$__distcc_minor/$__distcc_shim-packages/distcc_driver/distcc.zsh
        [[ ! -r $__distcc_shim ]] || break 2
    done
    __distcc_minor=$((__distcc_minor - 1))
done
[[ $__distcc_expand == off ]] || \builtin setopt aliases
\builtin 'unset' '__distcc_expand' '__distcc_prefix' '__distcc_minor'
\builtin 'source' "$__distcc_shim"
\builtin 'unset' '__distcc_shim'

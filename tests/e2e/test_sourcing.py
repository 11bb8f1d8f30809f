"""Sourcing a shim defines distcc_build and changes nothing else, whatever the options of the shell."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.place import ROOT, SHIMS
from tests.support.shells import SHELLS, UserShell

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shells import Recorder

SET_UPS = [
    ("bash", "set -eu -o pipefail"),
    ("bash", "set -o noclobber"),
    ("bash", "set -a"),
    ("bash", "set -f"),
    ("bash", "set -m"),
    ("bash", "set -P"),
    ("bash", "set -T -E; trap 'echo error >&2' ERR; trap ': debug' DEBUG"),
    ("bash", "set -o posix"),
    ("bash", "shopt -s nullglob failglob dotglob extglob globstar nocaseglob nocasematch"),
    ("bash", "shopt -s failglob"),
    ("bash", "shopt -s lastpipe inherit_errexit expand_aliases"),
    ("bash", "shopt -s localvar_inherit localvar_unset assoc_expand_once"),
    ("bash", "shopt -s xpg_echo; shopt -u sourcepath"),
    ("zsh", "set -eu -o pipefail"),
    ("zsh", "setopt no_clobber"),
    ("zsh", "setopt err_exit no_unset pipe_fail"),
    ("zsh", "setopt err_return"),
    ("zsh", "setopt ksh_arrays"),
    ("zsh", "setopt sh_word_split"),
    ("zsh", "setopt glob_subst"),
    ("zsh", "setopt no_nomatch"),
    ("zsh", "setopt null_glob extended_glob glob_dots"),
    ("zsh", "setopt all_export"),
    ("zsh", "setopt warn_create_global"),
    ("zsh", "setopt warn_nested_var"),
    ("zsh", "setopt ksh_glob sh_glob"),
    ("zsh", "setopt rc_expand_param rc_quotes csh_junkie_quotes"),
    ("zsh", "setopt posix_builtins posix_identifiers posix_strings"),
    ("zsh", "setopt posix_aliases posix_argzero posix_traps"),
    ("zsh", "setopt prompt_subst prompt_bang no_prompt_percent"),
    ("zsh", "setopt no_function_argzero no_equals no_multios no_short_loops"),
    ("zsh", "setopt ignore_braces no_bare_glob_qual numeric_glob_sort"),
    ("zsh", "setopt auto_cd auto_pushd chase_links cdable_vars"),
    ("zsh", "setopt bsd_echo c_bases octal_zeroes"),
    ("zsh", "setopt ksh_typeset typeset_silent ksh_autoload local_options"),
    ("zsh", "emulate sh"),
    ("zsh", "emulate ksh"),
    ("zsh", "emulate csh"),
    *((shell, "IFS=' 0123456789_/-:.distcenruvl'") for shell in SHELLS),
    *((shell, "IFS=") for shell in SHELLS),
    *((shell, "export IFS=5") for shell in SHELLS),
    *((shell, "export CDPATH=/:/usr:.") for shell in SHELLS),
    *((shell, "PYTHONPATH=/nowhere PYTHONHOME=/nowhere; export PYTHONPATH PYTHONHOME") for shell in SHELLS),
    *((shell, "POSIXLY_CORRECT=1") for shell in SHELLS),
    *((shell, "text=mine; root=mine; python=mine; jobs=mine; shim=mine; n=mine") for shell in SHELLS),
]


@pytest.mark.parametrize(("user_shell", "before"), SET_UPS, indirect=["user_shell"])
def test_a_build_works_in_a_shell_set_up_like_this(
    before: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    """The shim is sourced twice. Both times it prints nothing, and the second time changes nothing."""
    result = ready_shell.run_bare(
        f'{before}\n{ready_shell.sourcing}\n{ready_shell.sourcing}\necho sourced "$?"; echo sourced >&2\n'
        f"distcc_build {recorder.word} 'a b' '*'\necho built \"$?\""
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["sourced 0", "built 0"]
    lines = result.stderr.splitlines()
    assert lines[0] == "sourced"
    assert len(lines) == 2, lines
    assert "-j 5 = 5 remote" in lines[1]
    assert recorder.arguments == [b"a b", b"*", b"-j", b"5"]


def words_of(shim: Path) -> list[str]:
    """All words of the code, because a user could have an alias for any of them."""
    text = shim.read_text() + (ROOT / "distcc_driver" / "build.sh").read_text()
    code = [re.sub(r"(^|\s)#.*", "", line) for line in text.splitlines()]
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", "\n".join(code)))
    return sorted({word for word in words if "__distcc" not in word} | {"export", "unset", "in", "do"})


@pytest.mark.parametrize("kind", ["alias", "alias -g"])
def test_no_alias_reaches_the_shim(kind: str, ready_shell: UserShell, recorder: Recorder) -> None:
    """Even aliases for keywords have no effect, nor global aliases of zsh, which stand anywhere in a line."""
    if kind == "alias -g" and ready_shell.name == "bash":
        kind = "alias"
        ending = "true "  # the blank at its end makes bash expand the next word, too
    else:
        ending = "true"
    words = words_of(ready_shell.shim)
    enable = "shopt -s expand_aliases" if ready_shell.name == "bash" else ""
    aliases = " ".join(shlex.quote(f"{word}=echo hijacked; {ending}") for word in words)
    result = ready_shell.run_bare(
        f"{enable}\n{kind} {aliases}\n\\alias | \\wc -l\n"
        f"\\builtin \\source '{ready_shell.shim}'\n"
        f"\\distcc_build {recorder.word} 'a b'\n\\printf '%s\\n' $?\n\\alias | \\wc -l"
    )
    assert "hijacked" not in result.stdout + result.stderr
    before, status, after = map(int, result.stdout.split())
    assert (status, after) == (0, before - 1), result.stderr  # sourcing removes the alias distcc_build
    assert recorder.arguments == [b"a b", b"-j", b"5"]


def test_an_alias_of_the_same_name_is_replaced(ready_shell: UserShell, recorder: Recorder) -> None:
    enable = "shopt -s expand_aliases\n" if ready_shell.name == "bash" else ""
    result = ready_shell.run(f"distcc_build {recorder.word}", before=f"{enable}alias distcc_build='echo no'")
    assert result.stdout == ""
    assert recorder.jobs == 5


def test_aliases_are_as_they_were(ready_shell: UserShell) -> None:
    """The option that switches aliases on is unchanged, and so is each alias."""
    for switch, state in (("on", "works"), ("off", "127")):
        command = {
            "bash": {"on": "shopt -s expand_aliases", "off": "shopt -u expand_aliases"},
            "zsh": {"on": "setopt aliases", "off": "setopt no_aliases"},
        }[ready_shell.name][switch]
        result = ready_shell.run("mine\necho $?", before=f"{command}\nalias mine='echo works'")
        assert result.stdout.splitlines()[0] == state


BUILTINS = {
    "bash": "test printf return shopt unalias : eval export exit type cd exec set unset declare compgen "
    "complete read case_ readlink distcc trap source kill wait local mkdir rm",
    "zsh": "test printf return setopt unsetopt unalias : eval export exit whence cd exec set unset typeset "
    "source distcc trap kill wait local emulate mkdir rm",
}


@pytest.mark.parametrize(
    ("user_shell", "name"),
    [(shell, name) for shell, names in BUILTINS.items() for name in names.split()],
    indirect=["user_shell"],
)
def test_no_function_of_the_user_reaches_the_shim(
    name: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    """Users have such functions: a `cd` that lists the directory, or a `test` that runs tests."""
    result = ready_shell.run_bare(
        f"{name}() {{ builtin echo hijacked; builtin return 99; }}\n"
        f"builtin source {shlex.quote(str(ready_shell.shim))}\n"
        f"distcc_build {recorder.word} {shlex.quote(name)}"
    )
    assert "hijacked" not in result.stdout
    assert "hijacked" not in result.stderr
    assert recorder.arguments == [name.encode(), b"-j", b"5"], result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_a_function_called_command_does_not_reach_the_shim(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(ready_shell.shim)
    result = ready_shell.run_bare(
        f"command() {{ echo hijacked; return 99; }}\nsource '{link}'\ndistcc_build {recorder.word}"
    )
    assert result.stdout == ""
    assert recorder.jobs == 5


STATE = {
    "bash": "{ trap -p; set +o; shopt; alias; complete -p; umask; ulimit -a; pwd; dirs; jobs; hash; "
    "declare -F; declare -p; }",
    "zsh": "{ trap; set -o; alias -L; umask; ulimit -a; pwd; dirs; jobs; hash; bindkey; zmodload; "
    "functions; typeset -p; }",
}
VOLATILE = re.compile(
    r"(typeset|declare)[^=]* (_|BASH_\w+|LINENO|SECONDS|RANDOM|SRANDOM|EPOCH\w+|PIPESTATUS|FUNCNAME|ERRNO|"
    r"TTYIDLE|pipestatus|status|HISTCMD|before|after)(=|$)"
)


def stable(state: str) -> list[str]:
    return [line for line in state.splitlines() if not VOLATILE.match(line)]


def test_sourcing_and_building_leave_the_shell_as_it_was(ready_shell: UserShell) -> None:
    before = {
        "bash": "set -o noclobber; shopt -s nullglob",
        "zsh": "setopt no_clobber; zmodload zsh/parameter; : ${options[aliases]} ${functions[x]}",
    }[ready_shell.name]
    result = ready_shell.run_bare(
        f"{before}\ntrap 'echo interrupted' INT; trap 'echo the end' EXIT; trap '' HUP\n"
        "mine() { :; }; alias mine=yours; local_text='a b'; export CDPATH=/ IFS=$' \\t\\n:'\n"
        f"{STATE[ready_shell.name]} > ../fresh\n"
        f"{ready_shell.sourcing}\n{STATE[ready_shell.name]} > ../sourced\n"
        f"distcc_build true\n{STATE[ready_shell.name]} > ../built\n"
        f"{ready_shell.sourcing}\n{STATE[ready_shell.name]} > ../again\n"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "the end\n"
    names = ("fresh", "sourced", "built", "again")
    fresh, sourced, built, again = (
        stable((ready_shell.cwd.parent / name).read_text(errors="replace")) for name in names
    )
    assert len(fresh) > 100
    assert any(line.split() in (["nullglob", "on"], ["noclobber", "on"]) for line in fresh)
    assert built == sourced
    assert again == sourced
    if ready_shell.name == "zsh":  # zsh lists functions with their bodies, which are indented
        fresh, sourced = ([line for line in lines if line[:1].strip()] for lines in (fresh, sourced))
    new = [line for line in sourced if line not in fresh]
    assert [line for line in new if not re.search("distcc_build|__distcc_", line) and line != "}"] == []
    assert [line for line in fresh if line not in sourced] == []


def test_the_user_s_exit_trap_runs_once_and_not_in_the_build(ready_shell: UserShell) -> None:
    result = ready_shell.run("trap 'echo the end' EXIT\ndistcc_build echo built\necho between")
    assert result.stdout == "built -j 5\nbetween\nthe end\n"


def test_sourcing_from_within_a_function(ready_shell: UserShell, recorder: Recorder) -> None:
    """Plugin managers do so. zsh would warn if the shim created a global variable by assignment."""
    option = {"bash": "set -u", "zsh": "setopt warn_create_global no_unset"}[ready_shell.name]
    result = ready_shell.run_bare(
        f"{option}\nload() {{ {ready_shell.sourcing}; echo loaded $?; }}\nload\n"
        f"distcc_build {recorder.word}\necho built $?"
    )
    assert result.stdout == "loaded 0\nbuilt 0\n"
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert recorder.jobs == 5


def test_sourcing_with_arguments_keeps_them(ready_shell: UserShell, recorder: Recorder) -> None:
    result = ready_shell.run_bare(
        f"set -- one two\n{ready_shell.sourcing}\ndistcc_build {recorder.word} $1\necho $#"
    )
    assert result.stdout == "2\n"
    assert recorder.arguments == [b"one", b"-j", b"5"]


def test_sourcing_reads_nothing_from_stdin(ready_shell: UserShell) -> None:
    result = ready_shell.run_bytes(b"read line; echo $line", b"mine\n")
    assert result.stdout == b"mine\n"


def test_a_read_only_setting_is_named(ready_shell: UserShell, recorder: Recorder) -> None:
    """The driver cannot hide the variable from the build, so it refuses the build."""
    result = ready_shell.run(f"readonly DISTCC_AUTO_HOSTS\ndistcc_build {recorder.word}\necho $?")
    assert result.stdout == "96\n"
    assert not recorder.has_run
    assert "DISTCC_AUTO_HOSTS" in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("distcc-driver: ")
    assert "read-only" in last


def test_distcc_sh_sourced_in_zsh_loads_distcc_zsh(
    ready_shell: UserShell, recorder: Recorder, tmp_path: Path
) -> None:
    if ready_shell.name == "bash":
        ready_shell.name = "zsh"  # here through a link in another directory
        (tmp_path / "link").symlink_to(SHIMS / "distcc.sh")
        sourcing = f"source {tmp_path}/link"
    else:
        sourcing = f"source '{SHIMS}/distcc.sh'"
    result = ready_shell.run_bare(
        f"{sourcing}\necho sourced $?\nsource '{SHIMS}/distcc.zsh'\ndistcc_build {recorder.word} x"
    )
    assert result.stdout.splitlines()[0] == "sourced 0"
    assert recorder.arguments == [b"x", b"-j", b"5"]


@pytest.mark.parametrize("shim", ["distcc.sh", "distcc.zsh"])
def test_another_shell_gets_one_line_and_status_1(shim: str, user_shell: UserShell) -> None:
    user_shell.name = "dash"
    result = user_shell.run_bare(f". '{SHIMS}/{shim}'\necho $?; command -v distcc_build")
    assert result.stdout == "1\n"
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("distcc-driver: ")


def test_distcc_zsh_sourced_in_bash_says_so(environ: dict[str, str], work: Path) -> None:
    result = UserShell("bash", environ, work).run_bare(f"source '{SHIMS}/distcc.zsh'; echo $?")
    assert result.stdout == "1\n"
    assert len(result.stderr.splitlines()) == 1
    assert "distcc.sh" in result.stderr

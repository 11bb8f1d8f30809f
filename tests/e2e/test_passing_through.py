"""distcc_build passes the command, its arguments and its three streams on unchanged."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.shells import PROMPT, UserShell

if TYPE_CHECKING:
    from tests.support.shells import Recorder

ARGUMENTS = [
    b"CFLAGS=-O2 -g",
    b"",
    b" ",
    b"two  blanks",
    b"tab\there",
    b"line\nline\n",
    b"'",
    b'"',
    b"`touch pwned`",
    b"$(touch pwned)",
    b"$HOME ${HOME} $$ $'x'",
    b"*",
    b"?",
    b"[a-z]",
    b"{a,b}",
    b"~",
    b"=ls",
    b"#x",
    b"!x",
    b"^a",
    b"a;b&c|d<e>f(g)",
    b"\\",
    b"\\n",
    b"-n",
    b"--",
    b"-",
    b"-j",
    b"%s%n",
    b"\xff\xfe",
    b"\xc3\xa4\xe2\x82\xac",
    b"\x01\x1b[31m\x7f",
    b"x" * 50_000,
]


def quoted(arguments: list[bytes]) -> bytes:
    """Words quoted for a shell. `shlex.quote` would leave `=ls` bare, and zsh would expand it."""
    return b" ".join(b"'" + argument.replace(b"'", b"'\\''") + b"'" for argument in arguments)


def test_arguments_arrive_byte_for_byte(ready_shell: UserShell, recorder: Recorder) -> None:
    script = b"distcc_build %s %s" % (recorder.word.encode(), quoted(ARGUMENTS))
    result = ready_shell.run_bytes(script)
    assert result.returncode == 0, result.stderr
    assert recorder.arguments == [*ARGUMENTS, b"-j", b"5"]
    assert os.listdir(ready_shell.cwd) == []


def test_each_argument_arrives_alone(ready_shell: UserShell, recorder: Recorder) -> None:
    """A single argument comes both first and last, where a shell would treat it in a special way."""
    for argument in ARGUMENTS:
        ready_shell.run_bytes(b"distcc_build %s %s" % (recorder.word.encode(), quoted([argument])))
        assert recorder.arguments == [argument, b"-j", b"5"]


def test_an_argument_in_another_locale(ready_shell: UserShell, recorder: Recorder) -> None:
    ready_shell.environ.update(LANG="C", LC_ALL="C")
    ready_shell.run_bytes(
        b"distcc_build %s %s" % (recorder.word.encode(), quoted([b"\xff\xe4", b"\xc3\xa4"]))
    )
    assert recorder.arguments == [b"\xff\xe4", b"\xc3\xa4", b"-j", b"5"]


def test_a_command_with_a_strange_name(ready_shell: UserShell, recorder: Recorder) -> None:
    name = ready_shell.cwd / "my 'make' $(touch pwned)*"
    name.symlink_to(recorder.path)
    result = ready_shell.run(f"distcc_build {shlex.quote(f'./{name.name}')} x")
    assert result.returncode == 0, result.stderr
    assert recorder.arguments == [b"x", b"-j", b"5"]
    assert os.listdir(ready_shell.cwd) == [name.name]


def test_the_build_reads_and_writes_bytes(ready_shell: UserShell) -> None:
    data = bytes(range(256)) * 500
    (ready_shell.cwd / "file").write_bytes(data)
    script = b"function first_cat { cat; }\ndistcc_build first_cat < file | tee log"
    result = ready_shell.run_bytes(script)
    assert result.stdout == data
    assert (ready_shell.cwd / "log").read_bytes() == data


def test_stdin_is_not_touched_before_the_build_reads_it(ready_shell: UserShell) -> None:
    result = ready_shell.run_bytes(
        b'distcc_build sh -c \'read line; echo "<$line>"\'\nread rest; echo "[$rest]"', b"one\ntwo\n"
    )
    assert result.stdout == b"<one>\n[two]\n"


def test_stderr_is_the_builds_own(ready_shell: UserShell) -> None:
    ready_shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "error"
    result = ready_shell.run("distcc_build sh -c 'echo out; echo err >&2'")
    assert result.stdout == "out\n"
    assert result.stderr == "err\n"


def test_other_descriptors_reach_the_build(ready_shell: UserShell) -> None:
    result = ready_shell.run("distcc_build sh -c 'echo three >&3; cat <&4' 3> three 4< <(echo four)")
    assert result.stdout == "four\n"
    assert (ready_shell.cwd / "three").read_text() == "three\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_build_whose_streams_are_closed(closed: str, ready_shell: UserShell, recorder: Recorder) -> None:
    result = ready_shell.run(f"distcc_build {recorder.word} all {closed}")
    assert result.returncode == 0, result.stderr
    assert recorder.arguments == [b"all", b"-j", b"5"]


def test_a_full_stderr_does_not_stop_the_build(ready_shell: UserShell, recorder: Recorder) -> None:
    result = ready_shell.run(f"distcc_build {recorder.word} 2> /dev/full")
    assert result.returncode == 0
    assert recorder.jobs == 5


def test_a_build_that_asks_a_question(ready_shell: UserShell) -> None:
    script = 'printf "your name? "; read name; echo "hello $name"; test -t 1 && echo a terminal'
    with ready_shell.interactive() as terminal:
        terminal.send(f"distcc_build sh -c {shlex.quote(script)}\r")
        terminal.expect("hello $name")  # the echo of the typed command
        terminal.expect("your name? ")
        terminal.send("Ada\r")
        terminal.expect("hello Ada")
        terminal.expect("a terminal")
        terminal.expect(PROMPT)
        terminal.send("exit 3\r")
        assert terminal.wait() == 3


def test_a_build_in_the_background(ready_shell: UserShell, recorder: Recorder) -> None:
    result = ready_shell.run(f"distcc_build {recorder.word} & wait $!; echo $?")
    assert result.stdout == "0\n"
    assert recorder.jobs == 5


def test_a_build_in_a_substitution(ready_shell: UserShell) -> None:
    result = ready_shell.run('x=$(distcc_build echo inner); echo "<$x>"')
    assert result.stdout == "<inner -j 5>\n"


def test_a_build_at_both_ends_of_a_pipeline(ready_shell: UserShell) -> None:
    result = ready_shell.run("count() { wc -l; }; distcc_build printf '%s\\n' | distcc_build count")
    assert result.stdout.strip() == "2"


def test_a_function_of_the_user_is_the_first_word(ready_shell: UserShell) -> None:
    result = ready_shell.run('mine=here; b() { printf "[%s]" "$mine" "$@"; }; distcc_build b "x y" ""')
    assert result.stdout == "[here][x y][][-j][5]"


def test_a_function_hides_a_program_of_its_name(ready_shell: UserShell) -> None:
    result = ready_shell.run('make() { echo mine "$@"; }; distcc_build make all')
    assert result.stdout == "mine all -j 5\n"


def test_a_builtin_is_the_first_word(ready_shell: UserShell) -> None:
    assert ready_shell.run("distcc_build eval 'echo one;' echo two").stdout == "one\ntwo -j 5\n"
    assert ready_shell.run("distcc_build command echo three").stdout == "three -j 5\n"
    assert ready_shell.run("distcc_build exec echo four; echo five").stdout == "four -j 5\nfive\n"


def test_what_the_build_does_to_the_shell_stays_in_the_build(ready_shell: UserShell) -> None:
    result = ready_shell.run(
        "value=before; change() { value=after; cd /; trap 'echo trapped' EXIT; }\n"
        "distcc_build change\necho $value; pwd"
    )
    assert result.stdout == f"trapped\nbefore\n{ready_shell.cwd}\n"


OPTIONS = [
    ("bash", "set -f; shopt -s dotglob extglob"),
    ("zsh", "setopt sh_word_split no_glob"),
    ("zsh", "setopt ksh_arrays"),
]


@pytest.mark.parametrize(("user_shell", "options"), OPTIONS, indirect=["user_shell"])
def test_options_of_the_user_are_in_force_in_the_build(options: str, ready_shell: UserShell) -> None:
    show = {"bash": "set +o; shopt", "zsh": "set -o"}[ready_shell.name]
    result = ready_shell.run(
        f"show() {{ {show}; }}\n( show ) > direct\ndistcc_build show > inside", before=options
    )
    assert result.returncode == 0, result.stderr
    assert (ready_shell.cwd / "inside").read_text() == (ready_shell.cwd / "direct").read_text()


def test_the_build_is_not_in_another_directory(ready_shell: UserShell) -> None:
    (ready_shell.cwd / "real").mkdir()
    (ready_shell.cwd / "link").symlink_to("real")
    result = ready_shell.run("cd link; distcc_build sh -c 'pwd; echo $OLDPWD'; pwd")
    assert result.stdout == f"{ready_shell.cwd}/link\n{ready_shell.cwd}\n{ready_shell.cwd}/link\n"


def test_make_takes_the_job_count(ready_shell: UserShell) -> None:
    (ready_shell.cwd / "Makefile").write_text("all:\n\t@echo $(MAKEFLAGS) $(WORD)\n")
    result = ready_shell.run("distcc_build make 'WORD=two words' all")
    assert result.stdout.startswith("-j5 ")
    assert result.stdout.endswith("two words\n")

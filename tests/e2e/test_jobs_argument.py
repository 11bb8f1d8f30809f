"""An argument says where the number of jobs goes: `{jobs}` becomes the number, and nothing is appended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.shells import UserShell

if TYPE_CHECKING:
    from tests.support.shells import Recorder


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("all", ["all", "-j", "5"]),
        ("-j{jobs}", ["-j5"]),
        ("-j {jobs} all", ["-j", "5", "all"]),
        ("A={jobs} B={jobs}/{jobs}", ["A=5", "B=5/5"]),
        ("'_smp_mflags -j{jobs}'", ["_smp_mflags -j5"]),
        ("'make -j{jobs} && make -j{jobs} check'", ["make -j5 && make -j5 check"]),
        ("'{{jobs}}'", ["{jobs}", "-j", "5"]),
        ("'{{jobs}}{jobs}'", ["{jobs}5"]),
        ("'{{{jobs}}}'", ["{{jobs}}", "-j", "5"]),
        ("'{{jobs}' '{jobs}}'", ["{5", "5}"]),
        ("'{jobs' 'jobs}' '{JOBS}' '${jobs'", ["{jobs", "jobs}", "{JOBS}", "${jobs", "-j", "5"]),
        ("'*' '{jobs}*' '' '$(touch {jobs})'", ["*", "5*", "", "$(touch 5)"]),
    ],
)
def test_the_number_is_where_the_argument_has_it(
    words: str, expected: list[str], ready_shell: UserShell, recorder: Recorder
) -> None:
    result = ready_shell.run(f"distcc_build {recorder.word} {words}")
    assert result.returncode == 0, result.stderr
    assert [argument.decode() for argument in recorder.arguments] == expected


def test_other_bytes_of_the_argument_stay(ready_shell: UserShell, recorder: Recorder) -> None:
    result = ready_shell.run_bytes(b"distcc_build %s '\xff\xfe{jobs}\xe4\n\\' ' '" % recorder.word.encode())
    assert result.returncode == 0, result.stderr
    assert recorder.arguments == [b"\xff\xfe5\xe4\n\\", b" "]


OPTIONS = [
    ("bash", "set -eu; shopt -s nocasematch extglob nullglob"),
    ("bash", "IFS=jobs; set -f"),
    ("zsh", "setopt err_exit no_unset ksh_arrays sh_word_split csh_junkie_quotes"),
    ("zsh", "setopt brace_ccl glob_subst extended_glob rc_expand_param"),
    ("zsh", "emulate csh"),
    ("zsh", "setopt warn_create_global warn_nested_var all_export"),
]


@pytest.mark.parametrize(("user_shell", "options"), OPTIONS, indirect=["user_shell"])
def test_options_of_the_shell_change_nothing(
    options: str, ready_shell: UserShell, recorder: Recorder
) -> None:
    ready_shell.environ["DISTCC_AUTO_LOG_LEVEL"] = "error"
    result = ready_shell.run(
        f"distcc_build {recorder.word} '-j{{jobs}}' 'A={{JOBS}}' '*' '*{{{{jobs}}}}*'", before=options
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert recorder.arguments == [b"-j5", b"A={JOBS}", b"*", b"*{jobs}*"]


@pytest.mark.parametrize("user_shell", ["zsh"], indirect=True)
def test_brace_ccl_of_zsh_takes_braces_that_are_not_quoted(
    ready_shell: UserShell, recorder: Recorder
) -> None:
    """As docs/front-ends.md says: zsh itself makes four words of the argument."""
    ready_shell.run(f"distcc_build {recorder.word} -j{{jobs}}", before="setopt brace_ccl")
    assert recorder.arguments == [b"-jb", b"-jj", b"-jo", b"-js", b"-j", b"5"]


def test_the_build_sees_no_variable_of_ours(ready_shell: UserShell) -> None:
    result = ready_shell.run("distcc_build eval 'set | grep -a \"^__distcc_.*=\"; :' '{jobs}'")
    ours = {line.partition("=")[0] for line in result.stdout.splitlines()}
    assert ours <= {"__distcc_root"}

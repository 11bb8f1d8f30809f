from __future__ import annotations

import os
import shlex
import shutil
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distcc_driver.core.balance import Plan, Share
from distcc_driver.core.settings import read_settings
from distcc_driver.core.shellcode import distcc_hosts, quote, release_command, report_words, shell_code

from ..samples import settings_of, worker_of

SHELLS = {"bash": ["bash", "--norc", "--noprofile", "-c"], "zsh": ["zsh", "-f", "-c"]}
# Variables that a shell sets or changes by itself.
SHELLS_OWN = {"_", "PWD", "OLDPWD", "SHLVL", "HOME", "LOGNAME"}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    program, *options = SHELLS[request.param]
    found = shutil.which(program)
    assert found, f"{program}: not found; make test installs it"
    return [found, *options]


def plan_of(
    *workers: tuple[str, int], local_jobs: int = 0, saturation_jobs: int = 0, local_slots: int = 4
) -> Plan:
    shares = [Share(worker_of(spec), jobs) for spec, jobs in workers]
    return Plan(shares, [], local_jobs, saturation_jobs, pause_ms=20, local_slots=local_slots)


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (plan_of(("worker", 4)), "--localslots=4 worker:3632/4,lzo"),
        (plan_of(("b:1:2", 16), ("a", 8)), "--localslots=4 b:1/16,lzo a:3632/8,lzo"),
        (plan_of(("[2001:DB8::7]:9", 1)), "--localslots=4 [2001:DB8::7]:9/1,lzo"),
        (plan_of(("[fe80::1%eth0]", 1)), "--localslots=4 [fe80::1%eth0]:3632/1,lzo"),
        (plan_of(("localhost", 2)), "--localslots=4 127.0.0.1:3632/2,lzo"),
        (plan_of(("a", 4), saturation_jobs=3), "--localslots=4 --localslots_cpp=3 a:3632/4,lzo"),
        (plan_of(("a", 4), local_jobs=2), "localhost/2 --localslots=4 a:3632/4,lzo"),
        (plan_of(local_jobs=5, local_slots=5), "localhost/5 --localslots=5"),
        (
            plan_of(("worker-1", 16), ("10.0.0.7", 8), local_jobs=2, saturation_jobs=8),
            "localhost/2 --localslots=4 --localslots_cpp=8 worker-1:3632/16,lzo 10.0.0.7:3632/8,lzo",
        ),
    ],
)
def test_host_list_of_distcc(plan: Plan, text: str) -> None:
    assert distcc_hosts(plan) == text


def test_text_for_the_shell_line_by_line() -> None:
    environ = {"DISTCC_AUTO_HOSTS": "a", "DISTCC_DRIVER_PYTHON": "python3", "DISTCC_DIR": "/tmp/x"}
    plan = plan_of(("a", 4), local_jobs=1, saturation_jobs=2)
    assert shell_code(plan, read_settings(environ), ccache_prefix="/it's/prefix").splitlines() == [
        r"\builtin \: __distcc_begin &&",
        r"\builtin \unset DISTCC_AUTO_HOSTS DISTCC_AUTO_HOSTS DISTCC_AUTO_HOSTS &&",
        r"\builtin \unset DISTCC_DRIVER_PYTHON DISTCC_DRIVER_PYTHON DISTCC_DRIVER_PYTHON &&",
        r"\builtin \export DISTCC_HOSTS='localhost/1 --localslots=4 --localslots_cpp=2 a:3632/4,lzo' &&",
        r"""\builtin \export CCACHE_PREFIX='/it'"'"'s/prefix' &&""",
        r"\builtin \export DISTCC_PAUSE_TIME_MSEC='20' &&",
        r"__distcc_end='\builtin \:' &&",
        r"__distcc_words='' &&",
        r"__distcc_jobs=7",
    ]


def test_pause_of_the_user_is_left_alone() -> None:
    environ = {"DISTCC_AUTO_HOSTS": "a", "DISTCC_PAUSE_TIME_MSEC": "77"}
    assert "DISTCC_PAUSE_TIME_MSEC" not in shell_code(plan_of(("a", 4)), read_settings(environ))


def evaluate(shell: list[str], text: str, environ: dict[str, str], directory: Path) -> dict[bytes, bytes]:
    """The environment of a command that runs after the text was evaluated.

    It runs in `directory`, and no program is on its PATH.
    """
    script = f"eval {shlex.quote(text)}\n/usr/bin/env -0"
    done = subprocess.run(
        [*shell, script], env={"PATH": "/nowhere", **environ}, cwd=directory, capture_output=True, check=False
    )
    assert done.stderr == b""
    assert done.returncode == 0
    variables = dict(entry.split(b"=", 1) for entry in done.stdout.split(b"\0") if entry)
    return {name: value for name, value in variables.items() if name.decode("latin-1") not in SHELLS_OWN}


def as_bytes(environ: dict[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}


SETTERS = "-T:$`;&|<>(){}[]*?!#~'\"\\ \n\t,=%"
CANARIES = st.sampled_from(
    [
        "$(: >canary)",
        "`: >canary`",
        "; : >canary;",
        "\n: >canary\n",
        "';: >canary;'",
        '";: >canary;"',
        "&>canary&",
    ]
)
VALUES = st.lists(CANARIES | st.text(SETTERS + "aé\udcff", max_size=8), max_size=4).map("".join)
LEGAL = st.text(string.ascii_letters + string.digits + "_", max_size=8)
ANY_NAME = st.lists(CANARIES | LEGAL | st.text(SETTERS + "é", max_size=4), max_size=3).map("".join)
OURS = st.builds("{}{}".format, st.sampled_from(["DISTCC_AUTO_", "DISTCC_DRIVER_"]), LEGAL)
STRANGE = st.builds("DISTCC_AUTO_{}".format, ANY_NAME.map(lambda name: name.replace("=", "")))
THEIRS = st.builds("THEIR_{}".format, LEGAL)


def is_legal(name: str) -> bool:
    return set(name) <= set(string.ascii_letters + string.digits + "_")


@settings(max_examples=60)
@given(st.dictionaries(OURS | STRANGE | THEIRS, VALUES, max_size=6))
def check_environment(shell: list[str], directory: Path, variables: dict[str, str]) -> None:
    variables = {name: value for name, value in variables.items() if name != "DISTCC_AUTO_LOG_LEVEL"}
    text = shell_code(plan_of(("a", 4)), settings_of()._replace(own_names=own_names(variables)))
    found = evaluate(shell, text, variables, directory)
    legal = {name: value for name, value in variables.items() if is_legal(name)}
    kept = {name: value for name, value in legal.items() if not name.startswith("DISTCC_")}
    wanted = {
        "PATH": "/nowhere",
        "DISTCC_HOSTS": "--localslots=4 a:3632/4,lzo",
        "DISTCC_PAUSE_TIME_MSEC": "20",
    }
    # A shell cannot unset a name that is not a variable to it. Such a name must do no harm.
    strange = {os.fsencode(name) for name in variables if not is_legal(name)}
    assert {name: value for name, value in found.items() if name not in strange} == as_bytes(kept | wanted)
    assert list(directory.iterdir()) == []


def own_names(variables: dict[str, str]) -> list[str]:
    return read_settings({"DISTCC_AUTO_HOSTS": "a", **dict.fromkeys(variables, "")}).own_names


def test_build_sees_the_exports_and_no_variable_of_the_driver(shell: list[str], tmp_path: Path) -> None:
    check_environment(shell, tmp_path)


def test_shell_gets_the_job_count_and_the_end_command(shell: list[str], tmp_path: Path) -> None:
    words = ['it\'s my "python"', "$(: >canary)`: >canary`; : >canary\\\n日本\udcff"]
    text = shell_code(plan_of(("a", 4), saturation_jobs=2), settings_of(), release_command(*words))
    script = (
        '__distcc_release() { printf "%s\\0" "$@"; }; eval "$1"; eval "$__distcc_end"; '
        'printf "%s\\0" "$__distcc_jobs"; /usr/bin/env -0'
    )
    done = subprocess.run([*shell, script, "test", text], cwd=tmp_path, capture_output=True, check=True)
    *seen, jobs = done.stdout.split(b"\0")[:3]
    assert seen == [os.fsencode(word) for word in words]
    assert jobs == b"6"
    assert b"\0__distcc" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_words_of_the_report_arrive_as_they_are(shell: list[str], tmp_path: Path) -> None:
    python = 'it\'s my "python" $(: >canary)`: >canary`; : >canary\\\n日本\udcff'
    plan = plan_of(("a", 4), ("ssh://anna@[fe80::1%eth0]:22/1/2", 1))
    plan = plan._replace(shares=[share_with(share, 12, None, 0) for share in plan.shares])
    text = shell_code(plan, settings_of(), report=report_words(python, plan, settings_of(), 12.5))
    script = 'eval "$1"; eval "set -- $__distcc_words"; printf "%s\\0" "$@"'
    done = subprocess.run([*shell, script, "test", text], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == [
        os.fsencode(python),
        *[b"report", b"12.5", b"info", b"2.0"],
        b"a a 3633 a_3632 12 - 0 - -",
        b"ssh://anna@[fe80::1%eth0]:22/1/2 fe80::1%eth0 2 fe80::1%eth0_1 12 - 0 - -",
    ]
    assert list(tmp_path.iterdir()) == []


def share_with(share: Share, compiled: int, failed: int | None, refused: int) -> Share:
    stats = share.worker.stats._replace(compiled=compiled, failed=failed, refused=refused)
    return share._replace(worker=share.worker._replace(stats=stats))


def test_report_that_would_say_nothing_is_not_called() -> None:
    assert report_words("python", plan_of(local_jobs=2), settings_of(), 1.0) == ""
    assert report_words("python", plan_of(("a", 4)), settings_of(LOG_LEVEL="error"), 1.0) == ""


def test_end_command_of_a_build_without_a_session_does_nothing(shell: list[str], tmp_path: Path) -> None:
    text = shell_code(plan_of(("a", 4)), settings_of())
    script = 'set -eu; eval "$1"; eval "$__distcc_end"'
    done = subprocess.run([*shell, script, "test", text], cwd=tmp_path, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_quoted_text_is_one_word_and_nothing_of_it_runs(shell: list[str], tmp_path: Path) -> None:
    @settings(max_examples=5)
    @given(
        st.lists(
            VALUES | st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=20, max_size=60
        )
    )
    def check(texts: list[str]) -> None:
        words = " ".join(quote(text) for text in texts)
        done = subprocess.run(
            [*shell, f"printf '%s\\0' {words}"], cwd=tmp_path, capture_output=True, check=True
        )
        assert done.stdout == b"".join(os.fsencode(text) + b"\0" for text in texts)
        assert list(tmp_path.iterdir()) == []

    check()


@pytest.mark.parametrize(
    "preparation",
    [
        "set -eu",
        "set -f",
        "set -a",
        "set -C",
        "IFS=D_=",
        "alias builtin=false export=false unset=false",
        "unset() { : >canary; }; export() { : >canary; }; eval() { : >canary; }",
        "cd() { : >canary; }; DISTCC_AUTO_HOSTS() { : >canary; }",
    ],
)
def test_text_means_the_same_in_a_shell_with_other_settings(
    shell: list[str], preparation: str, tmp_path: Path
) -> None:
    check_in_shell(
        shell, f'if test -n "${{BASH_VERSION-}}"; then shopt -s expand_aliases; fi\n{preparation}', tmp_path
    )


@pytest.mark.parametrize(
    "options",
    [
        *("ksh_arrays", "sh_word_split", "glob_subst", "rc_quotes", "all_export", "err_exit", "no_unset"),
        *("warn_create_global", "posix_builtins", "posix_identifiers", "csh_junkie_quotes"),
    ],
)
def test_text_means_the_same_under_any_option_of_zsh(options: str, tmp_path: Path) -> None:
    check_in_shell(SHELLS["zsh"], f"setopt {options}", tmp_path)


def check_in_shell(shell: list[str], preparation: str, directory: Path) -> None:
    environ = {"DISTCC_AUTO_HOSTS": "a [::1]:9", "DISTCC_AUTO_TYPO": "x", "PATH": os.environ["PATH"]}
    workers: list[tuple[str, int]] = [("a", 4), ("[::1]:9", 2)]
    text = shell_code(plan_of(*workers, local_jobs=1, saturation_jobs=2), read_settings(environ))
    script = f'{preparation}\n\\builtin eval "$1"\n/usr/bin/env -0\n/bin/echo "jobs=$__distcc_jobs"'
    done = subprocess.run(
        [*shell, script, "test", text], env=environ, cwd=directory, capture_output=True, check=False
    )
    assert done.stderr == b""
    *variables, jobs = done.stdout.split(b"\0")
    ours = sorted(entry for entry in variables if entry.startswith((b"DISTCC", b"CCACHE")))
    assert ours == [
        b"DISTCC_HOSTS=localhost/1 --localslots=4 --localslots_cpp=2 a:3632/4,lzo [::1]:9/2,lzo",
        b"DISTCC_PAUSE_TIME_MSEC=20",
    ]
    assert jobs == b"jobs=9\n"
    assert list(directory.iterdir()) == []

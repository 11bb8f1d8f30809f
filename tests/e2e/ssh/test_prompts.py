"""Questions that ssh asks on the terminal, and the outcome of each answer."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import of_program, stat_fields, wait_until
from tests.support.shells import PROMPT

from .conftest import PASSPHRASE, behind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.distccd import Distccd
    from tests.support.gate import Gate
    from tests.support.shells import UserShell
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

BUILD = "distcc_build sh -c 'echo built over \"$DISTCC_HOSTS\"'\r"
HOST_KEY_QUESTION = "Are you sure you want to continue connecting (yes/no/[fingerprint])? "
PASSPHRASE_QUESTION = "Enter passphrase for key "


@pytest.fixture
def unknown(ssh: SshUser, shared_sshd: Sshd, shared_distccd: Distccd, environ: dict[str, str]) -> str:
    """The entry of a worker with 5 slots whose host key is not known; it is the whole host list."""
    entry = behind(ssh.host("unknown", shared_sshd), shared_distccd)
    environ["DISTCC_AUTO_HOSTS"] = entry
    return entry


@pytest.fixture
def protected(ssh: SshUser, worker: str, keys: Keys) -> str:
    """The entry of a worker for which the user's key needs its passphrase; it is the whole host list."""
    ssh.default(IdentityFile=str(keys.protected.private))
    return worker


def test_unknown_host_key_is_accepted_if_the_user_says_yes(
    user_shell: UserShell, unknown: str, ssh: SshUser, shared_sshd: Sshd, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(f"distcc-driver: {unknown}: ssh has a question")
        terminal.expect(HOST_KEY_QUESTION)
        terminal.send("yes\r")
        terminal.expect(f"distcc-driver: -j 5 = 5 remote ({unknown}: 5)")
        terminal.expect(" 127.0.0.1:")
        terminal.expect(PROMPT)
        traces.assert_none()
    assert shared_sshd.host_key.text in ssh.known_hosts.read_text()


def test_unknown_host_key_is_not_accepted_if_the_user_says_no(
    user_shell: UserShell, unknown: str, ssh: SshUser, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(HOST_KEY_QUESTION)
        terminal.send("no\r")
        terminal.expect(f"distcc-driver: {unknown}: its host key is not known")
        terminal.expect("built over localhost/")
        terminal.expect(PROMPT)
        traces.assert_none()
    assert ssh.known_hosts.read_text() == ""


def test_changed_host_key_is_refused_without_a_question(
    user_shell: UserShell, unknown: str, ssh: SshUser, shared_sshd: Sshd, keys: Keys, traces: Traces
) -> None:
    ssh.trust(shared_sshd, keys.other_host)
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(f"distcc-driver: {unknown}: its host key has changed")
        terminal.expect("built over localhost/")
        terminal.expect(PROMPT)
        assert "question" not in terminal.shown
        traces.assert_none()


def test_passphrase_unlocks_the_key_and_is_not_shown(
    user_shell: UserShell, protected: str, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(PASSPHRASE_QUESTION)
        terminal.send("not this\r")
        terminal.expect(PASSPHRASE_QUESTION)
        terminal.send(f"{PASSPHRASE}\r")
        terminal.expect(f"distcc-driver: -j 5 = 5 remote ({protected}: 5)")
        terminal.expect(" 127.0.0.1:")
        terminal.expect(PROMPT)
        assert PASSPHRASE not in terminal.shown
        traces.assert_none()


@pytest.mark.parametrize(
    ("user_shell", "options"), [("bash", ""), ("zsh", "unsetopt zle")], indirect=["user_shell"]
)
def test_terminal_is_restored_if_the_ssh_that_asks_is_killed(
    options: str, user_shell: UserShell, protected: str, traces: Traces
) -> None:
    """ssh switches off the echo. (zsh restores it itself, unless its line editor is off.)"""
    with user_shell.interactive(options) as terminal:
        terminal.send("stty -a >before; echo done$((1 + 1))\r")
        terminal.expect("done2")
        terminal.send(BUILD)
        terminal.expect(PASSPHRASE_QUESTION)
        (asking,) = traces.masters()
        os.kill(asking, signal.SIGKILL)
        terminal.expect(f"distcc-driver: {protected}: ssh failed")
        terminal.expect("built over localhost/")
        terminal.send("stty -a >after; echo done$((2 + 1))\r")
        terminal.expect("done3")
        traces.assert_none()
    assert (user_shell.cwd / "after").read_text() == (user_shell.cwd / "before").read_text()


def test_worker_is_left_out_after_three_wrong_passphrases(
    user_shell: UserShell, protected: str, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        for _ in range(3):
            terminal.expect(PASSPHRASE_QUESTION)
            terminal.send("not this\r")
        terminal.expect(f"distcc-driver: {protected}: ssh would have to ask")
        terminal.expect("ssh-agent")
        terminal.expect("built over localhost/")
        terminal.expect(PROMPT)
        traces.assert_none()


def test_cause_is_that_of_the_last_login(
    user_shell: UserShell, unknown: str, ssh: SshUser, keys: Keys
) -> None:
    ssh.default(IdentityFile=str(keys.stranger.private))
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(HOST_KEY_QUESTION)
        terminal.send("yes\r")
        terminal.expect(f"distcc-driver: {unknown}: ")
        assert "ssh would have to ask" in terminal.expect("built over localhost/")
        terminal.expect(PROMPT)


def test_two_hosts_ask_one_after_the_other(
    user_shell: UserShell,
    ssh: SshUser,
    keys: Keys,
    start_sshd: Callable[..., Sshd],
    shared_distccd: Distccd,
    traces: Traces,
) -> None:
    """A host without a question stays connected meanwhile."""
    ssh.default(IdentityFile=str(keys.protected.private))
    first = behind(ssh.worker("first", start_sshd()), shared_distccd)
    ready = behind(ssh.worker("ready", start_sshd(), IdentityFile=str(keys.user.private)), shared_distccd)
    second = behind(ssh.host("second", start_sshd()), shared_distccd)
    user_shell.environ["DISTCC_AUTO_HOSTS"] = f"{first} {ready} {second}"
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        assert second not in terminal.expect(f"distcc-driver: {first}: ssh has a question")
        assert HOST_KEY_QUESTION not in terminal.expect(PASSPHRASE_QUESTION)
        assert len(traces.masters()) == 2, "that of the host that asks, and that of the host that is ready"
        terminal.send(f"{PASSPHRASE}\r")
        assert PASSPHRASE_QUESTION not in terminal.expect(f"distcc-driver: {second}: ssh has a question")
        terminal.expect(HOST_KEY_QUESTION)
        assert len(traces.masters()) == 3
        terminal.send("yes\r")
        terminal.expect(PASSPHRASE_QUESTION)
        terminal.send(f"{PASSPHRASE}\r")
        terminal.expect("-j 15 = 15 remote")
        terminal.expect(PROMPT)
        traces.assert_none()


def test_time_that_a_person_needs_to_answer_does_not_count(
    user_shell: UserShell, unknown: str, ssh: SshUser
) -> None:
    ssh.default(ConnectTimeout="1")
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(HOST_KEY_QUESTION)
        time.sleep(2)  # the person thinks
        terminal.send("yes\r")
        terminal.expect(f"distcc-driver: -j 5 = 5 remote ({unknown}: 5)")
        terminal.expect(PROMPT)


@pytest.mark.parametrize("question", ["host key", "passphrase"])
def test_ctrl_c_at_a_question_ends_the_build(
    question: str,
    user_shell: UserShell,
    ssh: SshUser,
    unknown: str,
    keys: Keys,
    shared_sshd: Sshd,
    traces: Traces,
) -> None:
    if question == "passphrase":
        ssh.trust(shared_sshd)
        ssh.default(IdentityFile=str(keys.protected.private))
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(f"{unknown}: ssh has a question")
        terminal.expect({"host key": HOST_KEY_QUESTION, "passphrase": PASSPHRASE_QUESTION}[question])
        terminal.send("\x03")
        terminal.expect(PROMPT)
        traces.assert_none()
        terminal.send('echo "status:$?"; stty -a\r')
        terminal.expect("status:130")
        assert " echo " in terminal.expect(PROMPT), "the terminal echoes again"
        assert "built over" not in terminal.shown.replace(BUILD.rstrip(), "")
        traces.assert_none()


def test_ctrl_c_kills_a_wrapper_of_ssh_that_ignores_signals(
    user_shell: UserShell, unknown: str, ssh: SshUser, traces: Traces
) -> None:
    """Only the pid of the wrapper is known: it has no arguments of ssh, and leads no process group."""
    ssh.write_wrapper("case \"$*\" in *BatchMode=no*) trap '' INT TERM HUP; exec sleep 300 ;; esac")
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(f"distcc-driver: {unknown}: ssh has a question")
        wait_until(lambda: of_program("sleep", user_shell.environ), "it runs")
        terminal.send("\x03")
        terminal.expect(PROMPT)
        assert of_program("sleep", user_shell.environ) == []
        traces.assert_none()


def test_ctrl_z_and_fg_at_a_question(user_shell: UserShell, protected: str, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(BUILD)
        terminal.expect(PASSPHRASE_QUESTION)
        (master,) = traces.masters()
        # If Ctrl-Z comes after ssh's question but before its read, ssh stops only when it has read a line.
        wait_until(lambda: stat_fields(master)[0] == "S", "ssh reads")
        terminal.send("\x1a")
        terminal.expect(PROMPT)
        wait_until(lambda: stat_fields(master)[0] == "T", "ssh has restored the terminal and stopped")
        terminal.send("fg\r")
        terminal.expect(PASSPHRASE_QUESTION)
        terminal.send(f"{PASSPHRASE}\r")
        terminal.expect(f"5 remote ({protected}: 5)")
        terminal.expect(PROMPT)
        traces.assert_none()


def test_build_in_the_background_asks_no_question(
    user_shell: UserShell, unknown: str, gate: Gate, traces: Traces
) -> None:
    with user_shell.interactive() as terminal:
        terminal.send(f"distcc_build {gate.word} &\r")
        terminal.expect(f"distcc-driver: {unknown}: its host key is not known")
        gate.wait()
        gate.open()
        terminal.send("wait; echo over\r")
        terminal.expect("\nover")
        assert "question" not in terminal.shown
        wait_until(lambda: not traces.all(), "nothing is left")


def test_build_in_a_substitution_may_ask(user_shell: UserShell, unknown: str, traces: Traces) -> None:
    with user_shell.interactive() as terminal:
        terminal.send('x=$(distcc_build echo inner); echo "<$x>"\r')
        terminal.expect(HOST_KEY_QUESTION)
        terminal.send("yes\r")
        terminal.expect(f"5 remote ({unknown}: 5)")
        terminal.expect("<inner -j 5>")
        traces.assert_none()

"""Argument lists for ssh: no part of the host list can become an option."""

from __future__ import annotations

import pytest

from distcc_driver.core.hostspec import SshHost, parse_host
from distcc_driver.ssh.sshcommand import forward_arguments, hop_arguments, master_arguments, target_arguments


def ssh_host(text: str) -> SshHost:
    host = parse_host(text)
    assert isinstance(host, SshHost)
    return host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssh://worker", ["--", "worker"]),
        ("ssh://worker/3/4", ["--", "worker"]),
        ("ssh://Worker.Example", ["--", "Worker.Example"]),
        ("ssh://me@worker", ["-l", "me", "--", "worker"]),
        ("ssh://worker:22", ["-p", "22", "--", "worker"]),
        ("ssh://me@worker:2222/3/4", ["-p", "2222", "-l", "me", "--", "worker"]),
        ("ssh://[::1]", ["--", "::1"]),
        ("ssh://me@[fe80::1%eth0]:2222", ["-p", "2222", "-l", "me", "--", "fe80::1%eth0"]),
        ("ssh://192.0.2.1", ["--", "192.0.2.1"]),
    ],
)
def test_target_has_only_what_the_user_gave(text: str, expected: list[str]) -> None:
    assert target_arguments(ssh_host(text)) == expected


def test_name_that_looks_like_an_option_is_behind_two_dashes() -> None:
    """The host list refuses such names. If one got here, ssh would still take it for a host."""
    host = SshHost("", "-oProxyCommand=x", "-oProxyCommand=y", 22)
    assert target_arguments(host) == ["-p", "22", "-l", "-oProxyCommand=y", "--", "-oProxyCommand=x"]


@pytest.mark.parametrize(("batch", "word"), [(True, "yes"), (False, "no")])
def test_login_asks_only_without_batch(batch: bool, word: str) -> None:
    words = master_arguments(ssh_host("ssh://me@worker:2222"), "/run/s/0", "/run/s/0.log", batch)
    options, rest = words[: words.index("-S")], words[words.index("-S") :]
    assert set(options[::2]) == {"-o"}
    assert f"BatchMode={word}" in options
    assert rest == [
        *["-S", "/run/s/0", "-E", "/run/s/0.log", "-f", "-N", "-T"],
        *["-p", "2222", "-l", "me", "--", "worker"],
    ]


def test_connect_timeout_is_set_only_if_it_is_given() -> None:
    host = ssh_host("ssh://worker")
    given = master_arguments(host, "/s/0", "/s/0.log", batch=False, connect_timeout_s=10)
    left = master_arguments(host, "/s/0", "/s/0.log", batch=False)
    assert [word for word in given if word not in left] == ["ConnectTimeout=10"]
    assert not any("ConnectTimeout" in word for word in left)


def test_login_may_offer_no_keys() -> None:
    host = ssh_host("ssh://worker")
    without = master_arguments(host, "/s/0", "/s/0.log", batch=True, offers_keys=False)
    usual = master_arguments(host, "/s/0", "/s/0.log", batch=True)
    assert [word for word in without if word not in usual] == ["PubkeyAuthentication=no"]


@pytest.mark.parametrize(
    ("hop", "expected"),
    [
        ("jump", ["--", "jump"]),
        ("me@jump:2222", ["-p", "2222", "-l", "me", "--", "jump"]),
        ("me@there@jump", ["-l", "me@there", "--", "jump"]),
        ("[::1]:22", ["-p", "22", "--", "::1"]),
        ("::1", ["--", "::1"]),
        ("[fe80::1%eth0]", ["--", "fe80::1%eth0"]),
        ("ssh://me@jump:22", ["-p", "22", "-l", "me", "--", "jump"]),
    ],
)
def test_jump_host_is_split_into_user_host_and_port(hop: str, expected: list[str]) -> None:
    assert hop_arguments(hop) == expected


def test_no_option_changes_how_host_keys_are_checked() -> None:
    words = master_arguments(ssh_host("ssh://worker"), "/s/0", "/s/0.log", batch=True)
    words.remove("UpdateHostKeys=no")  # keeps ssh from writing further keys of a known host to its file
    for word in ("HostKey", "KnownHosts", "UserKnown", "Strict", "Identit", "Proxy"):
        assert not any(word.lower() in argument.lower() for argument in words)


def test_percent_sign_in_the_path_of_a_control_socket_is_doubled_once() -> None:
    host = ssh_host("ssh://worker")
    master = master_arguments(host, "/run/100%h/0", "/run/100%h/0.log", batch=True)
    forward = forward_arguments(host, "/run/100%h/0", (1, 2))
    assert [words[words.index("-S") + 1] for words in (master, forward)] == ["/run/100%%h/0"] * 2
    assert master[master.index("-E") + 1] == "/run/100%h/0.log", "ssh expands nothing there"


@pytest.mark.parametrize(
    ("text", "job", "stats"),
    [("ssh://worker", 3632, 3633), ("ssh://worker/7", 7, 3633), ("ssh://me@worker:22/7/8", 7, 8)],
)
def test_both_ports_are_forwarded_from_loopback_here_to_localhost_there(
    text: str, job: int, stats: int
) -> None:
    assert forward_arguments(ssh_host(text), "/run/s/0", (40001, 40002)) == [
        *["-F", "none", "-S", "/run/s/0", "-O", "forward"],
        *["-L", f"127.0.0.1:40001:localhost:{job}", "-L", f"127.0.0.1:40002:localhost:{stats}"],
        *["--", "worker"],
    ]

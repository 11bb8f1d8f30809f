"""Finds the holders of ports; the test itself listens at them."""

from __future__ import annotations

import errno
import os
import pwd
import socket
from pathlib import Path

import pytest

from distcc_driver.commands.distccd.portholder import Holder, check_port, holders, refusal, user_name
from distcc_driver.core.errors import ConfigError

LOOPBACK = "127.0.0.1"
OWN = Holder(pwd.getpwuid(os.geteuid()).pw_name, os.getpid(), Path("/proc/self/comm").read_text().strip())


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_program_that_listens_is_found(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        port = listener.getsockname()[1]
        assert holders(port) == []
        listener.listen()
        assert holders(port) == [OWN]
        with pytest.raises(ConfigError, match=f"port {port}: .*process {os.getpid()}, .* there; end it"):
            check_port(address, port)
    check_port(address, port)


def test_advice_about_a_service_is_to_stop_it_with_systemctl() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        name = Path("/proc/self/comm").read_text()
        Path("/proc/self/comm").write_text("distccd")
        try:
            said = str(refusal(LOOPBACK, port, errno.EADDRINUSE))
        finally:
            Path("/proc/self/comm").write_text(name)
    assert f"distccd (process {os.getpid()}, " in said
    assert "sudo systemctl disable --now distcc" in said


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (errno.EADDRINUSE, "another program listens there; end it, or give another port with --port"),
        (
            errno.EACCES,
            "only root may listen there, and distccd never runs as root; give a higher --port",
        ),
        (errno.EAFNOSUPPORT, "cannot listen at ::1 (Address family not supported by protocol); correct"),
    ],
)
def test_refusal_of_a_port_without_a_visible_holder(failure: int, said: str) -> None:
    with socket.socket() as bound:
        bound.bind((LOOPBACK, 0))
        port = bound.getsockname()[1]
        assert str(refusal("::1", port, failure)).startswith(f"port {port}: {said}")


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(2**31 - 2) == "2147483646"
    assert Holder("4711").text == "a program of user 4711"

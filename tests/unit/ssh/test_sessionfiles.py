"""How a control socket is named in the command line of an ssh."""

from __future__ import annotations

import pytest

from distcc_driver.ssh.sessionfiles import control_argument, control_in, control_path, log_path


def test_files_of_a_session_are_numbered() -> None:
    assert control_path("/run/s", 3) == "/run/s/3"
    assert log_path("/run/s", 3) == "/run/s/3.log"


@pytest.mark.parametrize("control", ["/run/s/0", "/a%%b%/0", "/a b/%h/10"])
def test_control_socket_is_read_from_a_command_line_as_it_was_written(control: str) -> None:
    assert control_in(["ssh", "-S", control_argument(control), "-N"]) == control


@pytest.mark.parametrize("arguments", [[], ["ssh"], ["ssh", "-N"], ["ssh", "-S"]])
def test_command_line_without_a_control_socket(arguments: list[str]) -> None:
    assert control_in(arguments) == ""


def test_percent_sign_is_doubled_as_an_argument() -> None:
    assert control_argument("/a%%b%/0") == "/a%%%%b%%/0"

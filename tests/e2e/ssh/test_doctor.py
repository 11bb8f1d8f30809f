"""`distcc-driver doctor` with workers behind ssh."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from tests.support.commands import driver_command
from tests.support.ports import LOOPBACK, host_spec
from tests.support.processes import wait_until
from tests.support.servers import Server, hang
from tests.support.shells import MASQUERADE

from .conftest import behind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.distccd import Distccd
    from tests.support.sshd import Sshd, SshUser
    from tests.support.traces import Traces

    from .conftest import Keys

_COMMAND = driver_command("doctor", "--compiler", "gcc")


def examined(environ: dict[str, str], work: Path) -> tuple[int, str]:
    environ = environ | {"PATH": f"{environ['PATH']}".replace(":", f":{MASQUERADE}:", 1)}
    done = subprocess.run(
        _COMMAND,
        env=environ,
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_trial_goes_through_the_tunnel(
    environ: dict[str, str], work: Path, worker: str, shared_distccd: Distccd, traces: Traces
) -> None:
    before = shared_distccd.compiled
    code, output = examined(environ, work)
    assert code == 0, output
    assert f"ok       workers: {worker}: used, reached by ssh, 5 jobs for 5 slots" in output
    assert f"ok       trial compilations: {worker}: compiles with gcc in " in output
    assert shared_distccd.compiled == before + 1
    traces.assert_none()


def test_missing_key_is_named(
    environ: dict[str, str],
    work: Path,
    ssh: SshUser,
    keys: Keys,
    shared_sshd: Sshd,
    shared_distccd: Distccd,
    traces: Traces,
) -> None:
    ssh.default(IdentityFile=str(keys.stranger.private))
    keyless = behind(ssh.worker("keyless", shared_sshd), shared_distccd)
    trusted = behind(ssh.worker("trusted", shared_sshd, IdentityFile=str(keys.user.private)), shared_distccd)
    environ["DISTCC_AUTO_HOSTS"] = f"{keyless} {trusted}"
    code, output = examined(environ, work)
    assert code == 1
    [line] = [line for line in output.splitlines() if f"workers: {keyless}: " in line]
    assert line.startswith(f"warning  workers: {keyless}: left out: ssh would have to ask (")
    assert "Permission denied" in line
    assert "ssh-copy-id" in line
    assert f"ok       trial compilations: {trusted}: " in output
    traces.assert_none()


def test_signal_in_a_trial_closes_the_tunnels(
    environ: dict[str, str], work: Path, worker: str, shared_distccd: Distccd, traces: Traces
) -> None:
    with Server(hang) as server:
        stuck = host_spec(LOOPBACK, server.port, shared_distccd.stats_port)
        environ = environ | {"DISTCC_AUTO_HOSTS": f"{stuck} {worker}", "DISTCC_IO_TIMEOUT": "300"}
        with subprocess.Popen(_COMMAND, env=environ, cwd=work, start_new_session=True) as process:
            wait_until(lambda: server.connections >= 2, "distcc has connected")
            assert traces.masters()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 128 + signal.SIGTERM
    traces.assert_none()

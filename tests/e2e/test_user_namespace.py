"""The tests that need private networks, for a user who is not root: they run in a user namespace.

A process with threads cannot enter a user namespace, so another process runs the tests. Root runs them
directly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.namespaces import UNSHARE, may_unshare

HERE = Path(__file__).parent

if os.geteuid() != 0:

    @pytest.mark.skipif(
        not may_unshare("--net", "--mount"), reason="this user may not make networks of their own"
    )
    @pytest.mark.parametrize("name", ["test_addresses.py", "test_firewalls.py"])
    def test_networks_as_an_ordinary_user(name: str) -> None:
        options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        done = subprocess.run(
            [*UNSHARE, "--", sys.executable, "-m", "pytest", *options, str(HERE / name)],
            env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        if " passed" not in done.stdout:
            pytest.skip(done.stdout.splitlines()[-2])

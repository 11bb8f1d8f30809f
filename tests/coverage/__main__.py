"""Copies the checkout, runs the tests there under the wrapper, and prints which lines they did not reach."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import coverage

from . import explained

_ROOT = Path(__file__).resolve().parents[2]
_WORKER = (
    "import sys;exec(eval(sys.stdin.readline()))"  # the command by which pytest-xdist starts its workers
)
_WITHOUT = ["--ignore=tests/unit/test_imports.py"]  # the measurement imports more modules
_WRAPPER = """#!/bin/sh
[ -x '{python}' ] || exec python3 "$@"  # a user who may not run it takes another, as without us
flags=
while :; do
    case ${{1-}} in
        -m | -c | -) break ;;
        -X | -W) flags="$flags $1 $2" && shift 2 ;;
        -*) flags="$flags $1" && shift ;;
        *) break ;;
    esac
done
case "${{1-}} ${{2-}}" in
    *'/distcc_driver/__main__.py '* | *'/bin/distcc-driver '* | '-m distcc_driver' | '-m pytest' | \\
        '-c {worker}')
        exec '{python}' $flags '{traced}' '{packages}' '{wrapper}' "$@" ;;
esac
exec '{python}' $flags "$@"
"""


def main() -> int:
    """Run it all.

    The status is that of the tests, or 1 if too few lines were reached or some are not explained.
    """
    # Not below the checkout: its path may have a blank, which the first line of a script cannot have. And not
    # in /tmp, because some tests mount a full file system there.
    with tempfile.TemporaryDirectory(prefix="coverage-", dir="/var/tmp") as name:
        place = Path(name)
        place.chmod(0o755)  # some tests run commands as other users
        checkout = _copy(place)
        _write_interpreter(checkout / ".venv")
        (place / "data").mkdir()
        environ = dict(os.environ, COVERAGE_RCFILE=str(checkout / "pyproject.toml"))
        command = [str(checkout / ".venv" / "bin" / "python"), "-m", "pytest", *_WITHOUT, *sys.argv[1:]]
        status = subprocess.run(command, cwd=checkout, env=environ, check=False).returncode
        return max(status, _print_report(place, checkout))


def _copy(place: Path) -> Path:
    """Copy the files that git knows or would add; return the directory of the copy."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=_ROOT, check=True, capture_output=True).stdout
    checkout = place / "checkout"
    for name in filter(None, os.fsdecode(names).split("\0")):
        if (_ROOT / name).exists():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, checkout / name, follow_symlinks=False)
    return checkout


def _write_interpreter(venv: Path) -> None:
    """Write a directory that looks like a virtual environment. Its Python is the wrapper."""
    bin_directory = venv / "bin"
    bin_directory.mkdir(parents=True)
    for name in ("lib", "pyvenv.cfg"):  # Python's module site finds packages by these
        (venv / name).symlink_to(Path(sys.prefix) / name)
    wrapper = bin_directory / "python"
    text = _WRAPPER.format(
        python=sys.executable,
        traced=Path(__file__).with_name("traced.py"),
        packages=sysconfig.get_path("purelib"),
        wrapper=wrapper,
        worker=_WORKER,
    )
    ours_first = f"import sys\nsys.path.insert(0, {str(venv.parent)!r})\n"
    command = f"#!{wrapper}\n{ours_first}from distcc_driver.__main__ import main\nmain()\n"
    for path, content in ((wrapper, text), (bin_directory / "distcc-driver", command)):
        path.write_text(content)
        path.chmod(0o755)


def _print_report(place: Path, checkout: Path) -> int:
    data = sorted((place / "data").iterdir())
    for path in data:
        path.chmod(0o600)  # some processes ran with a umask that forbids everything
    os.chdir(checkout)
    measured = coverage.Coverage(data_file=str(place / "coverage"), config_file="pyproject.toml")
    measured.combine([str(path) for path in data])
    measured.save()
    reached = measured.report(show_missing=True, skip_covered=True)
    wanted = float(str(measured.get_option("report:fail_under")))
    measured.json_report(outfile=str(place / "report.json"))
    report = json.loads((place / "report.json").read_text())
    totals = report["totals"]
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    print(f"branches alone: {branches:.1f} %")
    faults = explained.faults(report["files"], checkout)
    for fault in faults:
        print(fault)
    return 0 if min(reached, branches) >= wanted and not faults else 1


sys.exit(main())

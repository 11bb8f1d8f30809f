"""Measures the CPU time of this machine for a file that a worker compiles: how many slots can a core feed?"""

from __future__ import annotations

import resource
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.distccd import Distccd
from .cluster import Cluster
from .result import Result
from .shells import user_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .result import Case

_HEADERS = ("algorithm", "iostream", "map", "memory", "string", "vector")
_PROGRAM = """
int main() {
    std::map<std::string, std::vector<int>> numbers;
    numbers["one"].push_back(1);
    auto &found = numbers["one"];
    std::sort(found.begin(), found.end());
    std::cout << *std::make_unique<int>(found.front()) << std::endl;
}
"""


def bench_file(runs: int, seconds: float) -> Iterator[Result]:
    """A file of the build cases, beside its time on a worker, where its compiler sleeps."""
    with Cluster([1], [seconds]) as cluster:
        environ = {**cluster.environ(), "DISTCC_HOSTS": cluster.distcc_hosts[0]}
        command = ["distcc", f"bench-cc-{seconds:g}", "-c", "-o", "part0.o", "part0.c"]
        client_ms = [_processor_ms(command, environ, cluster.project) for _ in range(runs)]
    yield _fed(f"file of {seconds:g} s", client_ms, "its time on a worker", [seconds * 1000])


def standard_headers(runs: int) -> Iterator[Result]:
    """A file with C++ headers, beside the CPU time of its compilation here without distcc."""
    worker = Distccd(1)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = Path(name)
        text = "".join(f"#include <{header}>\n" for header in _HEADERS) + _PROGRAM
        (directory / "part.cc").write_text(text)
        environ = {**user_environ(), "DISTCC_HOSTS": worker.distcc_host, "DISTCC_FALLBACK": "0"}
        environ["DISTCC_DIR"] = str(directory)
        compiler = ["g++", "-O2", "-c", "-o", "part.o", "part.cc"]
        client_ms, whole_ms = [], []
        try:
            for _ in range(runs):
                client_ms.append(_processor_ms(["distcc", *compiler], environ, directory))
                whole_ms.append(_processor_ms(compiler, environ, directory))
        finally:
            worker.stop()
    yield _fed(f"C++ file, {len(_HEADERS)} standard headers, -O2", client_ms, "compiled here", whole_ms)


CASES: dict[str, Case] = {
    "file-0.3": partial(bench_file, seconds=0.3),
    "file-1.0": partial(bench_file, seconds=1.0),
    "headers": standard_headers,
}


def _fed(case: str, client_ms: list[float], reference: str, whole_ms: list[float]) -> Result:
    result = Result(case, "", "client's processor time", client_ms, reference, whole_ms, limit=None)
    return Result(
        case=case,
        way=f"a core feeds {1 / result.ratio:.0f} slots",
        measured=result.measured,
        measured_runs=client_ms,
        reference=reference,
        reference_runs=whole_ms,
        limit=None,
    )


def _processor_ms(command: Sequence[str], environ: Mapping[str, str], directory: Path) -> float:
    """The CPU time of a command and its children."""
    before = _children_s()
    subprocess.run(command, env=environ, cwd=directory, check=True, capture_output=True)
    return (_children_s() - before) * 1000


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

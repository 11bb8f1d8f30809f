"""Values that several tests use."""

from __future__ import annotations

from distcc_driver.core.facts import Endpoint, Worker
from distcc_driver.core.hostspec import parse_host
from distcc_driver.core.settings import Settings, read_settings
from distcc_driver.core.stats import WorkerStats

# The reply of distccd 3.4, byte for byte. A daemon built after June 2024 adds dcc_free_mem.
REPLY = b"""\
HTTP/1.0 200 OK
Content-Type: text/plain
Connection: close

argv /distccd --daemon --no-detach --jobs 7 --stats
<distccstats>
dcc_tcp_accept 0
dcc_rej_bad_req 0
dcc_rej_overload 0
dcc_compile_ok 12
dcc_compile_error 0
dcc_compile_timeout 0
dcc_cli_disconnect 0
dcc_other 0
dcc_longest_job none
dcc_longest_job_compiler none
dcc_longest_job_time_msecs -1
dcc_max_kids 7
dcc_avg_kids1 0
dcc_avg_kids2 0
dcc_avg_kids3 0
dcc_current_load 2
dcc_load1 0.50
dcc_load2 0.25
dcc_load3 0.75
dcc_num_compiles1 0
dcc_num_compiles2 0
dcc_num_compiles3 0
dcc_num_procstate_D 0
dcc_max_RSS 14176
dcc_max_RSS_name (python3)
dcc_io_rate -1
dcc_free_space 81521 MB
</distccstats>
"""


def settings_of(**variables: object) -> Settings:
    """Settings with one host and the given values: `settings_of(EARLY_LOCAL_JOBS=2)`."""
    environ = {f"DISTCC_AUTO_{name}": str(value) for name, value in variables.items()}
    return read_settings({"DISTCC_AUTO_HOSTS": "worker", **environ})


def worker_of(
    spec: str = "worker", slots: int = 4, load: float | None = 0.0, free_memory_mib: int | None = None
) -> Worker:
    """A worker that has answered."""
    host = parse_host(spec)
    address = getattr(host, "address", host.name)
    endpoint = Endpoint(host, address, host.job_port, host.stats_port)
    return Worker(endpoint, WorkerStats(slots, load, free_memory_mib), address, 0.012)

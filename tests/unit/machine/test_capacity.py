"""How much of a machine a build may use, read from files of /proc and /sys that the tests write."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from distcc_driver.core.facts import LocalCapacity
from distcc_driver.machine.capacity import local_capacity

MIB = 2**20
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MEMINFO = "MemTotal:       8388608 kB\nMemFree:        1048576 kB\nMemAvailable:   4194304 kB\n"
AVAILABLE_MIB = 4096
UNLIMITED_1 = "9223372036854771712"

V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU_MOUNT = "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:16 - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY_MOUNT = "36 25 0:32 / /sys/fs/cgroup/memory rw shared:19 - cgroup cgroup rw,memory"
V1_PIDS_MOUNT = "37 25 0:33 / /sys/fs/cgroup/pids rw shared:20 - cgroup cgroup rw,pids"
HYBRID_MOUNT = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
OTHER_MOUNT = "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro"
V1_GROUPS = "11:cpuset:/\n4:memory:{path}\n3:cpu,cpuacct:{path}\n1:name=systemd:/init.scope\n"

Files = dict[str, str]


def capacity_of(root: Path, files: Files) -> LocalCapacity:
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return local_capacity(str(root))


def proc(groups: str, *mounts: str, meminfo: str = MEMINFO) -> Files:
    return {
        "proc/meminfo": meminfo,
        "proc/self/cgroup": groups,
        "proc/self/mountinfo": "\n".join([OTHER_MOUNT, *mounts]) + "\n",
    }


def v2_group(path: str, cpu: str = "", limit: str = "", usage: int = 0, cache: int = 0) -> Files:
    """The files of a version 2 cgroup. Usage, cache and a limit that is a number are in MiB."""
    files = {}
    if cpu:
        files[f"{path}/cpu.max"] = f"{cpu}\n"
    if limit:
        files[f"{path}/memory.max"] = f"{int(limit) * MIB if limit.isdigit() else limit}\n"
        files[f"{path}/memory.current"] = f"{usage * MIB}\n"
        files[f"{path}/memory.stat"] = f"anon 1\nactive_file 999\ninactive_file {cache * MIB}\nslab 4\n"
    return files


def v1_cpu(path: str, quota: int, period: int = 100000) -> Files:
    return {f"{path}/cpu.cfs_quota_us": f"{quota}\n", f"{path}/cpu.cfs_period_us": f"{period}\n"}


def v1_memory(path: str, limit: str, usage: int = 0, cache: int = 0) -> Files:
    return {
        f"{path}/memory.limit_in_bytes": f"{limit}\n",
        f"{path}/memory.usage_in_bytes": f"{usage * MIB}\n",
        f"{path}/memory.stat": f"inactive_file 0\ntotal_inactive_file {cache * MIB}\n",
    }


def test_this_machine_has_no_more_threads_than_nproc_prints_and_some_memory() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    nproc = int(subprocess.run(["nproc"], env=environ, capture_output=True, check=True).stdout)
    found = local_capacity()
    assert 1 <= found.threads <= nproc
    assert found.memory_mib is None or found.memory_mib > 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind processors")
def test_only_processors_count_on_which_the_process_may_run(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from distcc_driver.machine.capacity import local_capacity;"
        "print(local_capacity(sys.argv[1]).threads)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True)
    assert done.stdout == b"1\n"


def processes_under(limit: int, root: Path, files: Files) -> int | None:
    """The processes that a process with the limit may still start; root is the root of a namespace here."""
    capacity_of(root, {"proc/self/uid_map": "         0       1000          1\n", **files})
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NPROC, (int(sys.argv[1]),) * 2);"
        "from distcc_driver.machine.capacity import local_capacity;"
        "print(local_capacity(sys.argv[2]).processes)"
    )
    command = [sys.executable, "-c", code, str(limit), str(root)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    return None if done.stdout == "None\n" else int(done.stdout)


def hard_process_limit() -> float:
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    return float("inf") if hard == resource.RLIM_INFINITY else hard


@pytest.mark.skipif(hard_process_limit() < 20000, reason="fewer than 20000 processes are allowed here")
def test_threads_of_the_whole_machine_are_subtracted_if_that_leaves_many(tmp_path: Path) -> None:
    files = {"proc/loadavg": "1.00 2.00 3.00 4/1000 99\n", "proc/7/task/7/stat": ""}
    assert processes_under(20000, tmp_path, files) == 19000


def test_threads_of_this_user_are_subtracted_if_those_of_the_machine_leave_few(tmp_path: Path) -> None:
    if tmp_path.stat().st_nlink < 2:
        pytest.skip("this file system does not count the links of directories")
    files = {"proc/loadavg": "1.00 2.00 3.00 4/1000 99\n", "proc/7/task/7/stat": "", "proc/9/stat": ""}
    files |= {"proc/8/task/8/stat": "", "proc/8/task/12/stat": "", "proc/net/task/1/stat": ""}
    assert processes_under(500, tmp_path, files) == 497
    assert processes_under(2, tmp_path, files) == 0


def test_nothing_is_subtracted_from_the_limit_without_proc(tmp_path: Path) -> None:
    assert processes_under(500, tmp_path, {}) == 500


@pytest.mark.skipif(os.getuid() != 0, reason="only root is not bound by ulimit -u")
def test_process_limit_does_not_bind_root(tmp_path: Path) -> None:
    files = {"proc/self/uid_map": "         0          0 4294967295\n"}
    assert processes_under(500, tmp_path, files) is None


@pytest.mark.parametrize(
    ("groups", "mount", "directory"),
    [
        ("0::/box\n", V2_MOUNT, "sys/fs/cgroup/box"),
        ("8:pids:/box\n", V1_PIDS_MOUNT, "sys/fs/cgroup/pids/box"),
    ],
    ids=["version 2", "version 1"],
)
@pytest.mark.parametrize(
    ("limit", "current", "processes"),
    [("1000", "10", 990), ("10", "11", 0), ("max", "10", 60000), ("1000", "", 60000), ("", "10", 60000)],
)
def test_processes_that_a_cgroup_still_allows(
    limit: str, current: str, processes: int, groups: str, mount: str, directory: str, tmp_path: Path
) -> None:
    files = proc(groups, mount)
    files |= {f"{directory}/pids.max": f"{limit}\n", f"{directory}/pids.current": f"{current}\n"}
    files |= {f"{directory}/../pids.max": "60000\n", f"{directory}/../pids.current": "0\n"}
    assert min(capacity_of(tmp_path, files).processes or 0, 60000) == processes


def test_without_proc_all_processors_count_and_the_memory_is_unknown(tmp_path: Path) -> None:
    assert capacity_of(tmp_path, {})[:2] == (PROCESSORS, None)


def test_without_cgroups_the_available_memory_counts(tmp_path: Path) -> None:
    assert capacity_of(tmp_path, {"proc/meminfo": MEMINFO})[:2] == (PROCESSORS, AVAILABLE_MIB)


@pytest.mark.parametrize(
    "meminfo", ["", "MemTotal: 8388608 kB\nMemFree: 1048576 kB\n", "MemAvailable:\n", "MemAvailable: ? kB\n"]
)
def test_memory_is_unknown_without_memavailable(meminfo: str, tmp_path: Path) -> None:
    assert capacity_of(tmp_path, {"proc/meminfo": meminfo}).memory_mib is None


@pytest.mark.parametrize(
    ("cpu", "threads"),
    [
        ("max 100000", PROCESSORS),
        ("100000 100000", 1),
        ("100001 100000", min(2, PROCESSORS)),
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("25000 12500", min(2, PROCESSORS)),
        ("99900000 100000", PROCESSORS),
        ("0 100000", 1),
        ("100000 0", PROCESSORS),
        ("100000", PROCESSORS),
        ("", PROCESSORS),
    ],
)
def test_cpu_quota_of_version_2_is_rounded_up(cpu: str, threads: int, tmp_path: Path) -> None:
    files = {**proc("0::/box\n", V2_MOUNT), "sys/fs/cgroup/box/cpu.max": cpu + "\n"}
    assert capacity_of(tmp_path, files).threads == threads


@pytest.mark.parametrize(
    ("quota", "period", "threads"),
    [(-1, 100000, PROCESSORS), (100000, 100000, 1), (150000, 100000, min(2, PROCESSORS)), (1, 100000, 1)],
)
def test_cpu_quota_of_version_1_is_rounded_up(quota: int, period: int, threads: int, tmp_path: Path) -> None:
    files = proc(V1_GROUPS.format(path="/box"), V1_CPU_MOUNT, V1_MEMORY_MOUNT)
    files |= v1_cpu("sys/fs/cgroup/cpu,cpuacct/box", quota, period)
    assert capacity_of(tmp_path, files).threads == threads


@pytest.mark.parametrize(
    ("limit", "usage", "cache", "memory_mib"),
    [
        ("max", 100, 0, AVAILABLE_MIB),
        ("2048", 0, 0, 2048),
        ("2048", 500, 0, 1548),
        ("2048", 2000, 1500, 1548),
        ("2048", 3000, 0, 0),
        ("2048", 2048, 0, 0),
        ("99999", 0, 0, AVAILABLE_MIB),
    ],
)
def test_memory_that_a_group_of_version_2_still_allows(
    limit: str, usage: int, cache: int, memory_mib: int, tmp_path: Path
) -> None:
    files = proc("0::/box\n", V2_MOUNT) | v2_group("sys/fs/cgroup/box", "", limit, usage, cache)
    assert capacity_of(tmp_path, files).memory_mib == memory_mib


def test_memory_of_a_cgroup_without_a_line_about_its_cache(tmp_path: Path) -> None:
    files = proc("0::/box\n", V2_MOUNT) | v2_group("sys/fs/cgroup/box", "", "2048", 500, 0)
    files["sys/fs/cgroup/box/memory.stat"] = "anon 17\n"
    assert capacity_of(tmp_path, files).memory_mib == 1548


@pytest.mark.parametrize(
    ("limit", "usage", "cache", "memory_mib"),
    [
        (UNLIMITED_1, 100, 0, AVAILABLE_MIB),
        (str(2048 * MIB), 500, 0, 1548),
        (str(2048 * MIB), 2000, 1500, 1548),
        (str(2048 * MIB), 3000, 0, 0),
    ],
)
def test_memory_that_a_group_of_version_1_still_allows(
    limit: str, usage: int, cache: int, memory_mib: int, tmp_path: Path
) -> None:
    files = proc(V1_GROUPS.format(path="/box"), V1_CPU_MOUNT, V1_MEMORY_MOUNT)
    files |= v1_memory("sys/fs/cgroup/memory/box", limit, usage, cache)
    assert capacity_of(tmp_path, files).memory_mib == memory_mib


def test_memory_of_a_cgroup_counts_where_that_of_the_machine_is_unknown(tmp_path: Path) -> None:
    files = proc("0::/box\n", V2_MOUNT, meminfo="") | v2_group("sys/fs/cgroup/box", "", "2048")
    assert capacity_of(tmp_path, files).memory_mib == 2048


@pytest.mark.parametrize("tight", ["", "/a.slice", "/a.slice/b.scope"])
def test_lowest_limit_of_a_cgroup_and_those_above_it_counts(tight: str, tmp_path: Path) -> None:
    files = proc("0::/a.slice/b.scope\n", V2_MOUNT)
    for path in ("", "/a.slice", "/a.slice/b.scope"):
        cpu, limit = ("100000 100000", "1000") if path == tight else ("99900000 100000", "3000")
        files |= v2_group(f"sys/fs/cgroup{path}", cpu, limit)
    assert capacity_of(tmp_path, files)[:2] == (1, 1000)


def test_limits_of_version_1_are_found_at_different_levels(tmp_path: Path) -> None:
    files = proc(V1_GROUPS.format(path="/outer/inner"), V1_CPU_MOUNT, V1_MEMORY_MOUNT)
    files |= v1_cpu("sys/fs/cgroup/cpu,cpuacct/outer", 100000)
    files |= v1_cpu("sys/fs/cgroup/cpu,cpuacct/outer/inner", -1)
    files |= v1_memory("sys/fs/cgroup/memory/outer", str(700 * MIB))
    files |= v1_memory("sys/fs/cgroup/memory/outer/inner", UNLIMITED_1)
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_limits_of_other_cgroups_do_not_count(tmp_path: Path) -> None:
    files = proc("0::/mine\n", V2_MOUNT)
    files |= v2_group("sys/fs/cgroup/mine/child", "100000 100000", "10")
    files |= v2_group("sys/fs/cgroup/other", "100000 100000", "10")
    assert capacity_of(tmp_path, files)[:2] == (PROCESSORS, AVAILABLE_MIB)


def test_controllers_may_be_in_different_versions(tmp_path: Path) -> None:
    files = proc("4:memory:/box\n0::/box\n", V1_MEMORY_MOUNT, HYBRID_MOUNT)
    files |= v1_memory("sys/fs/cgroup/memory/box", str(700 * MIB))
    files |= v2_group("sys/fs/cgroup/unified/box", "100000 100000", "10")
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_version_2_counts_where_version_1_is_not_mounted(tmp_path: Path) -> None:
    files = proc(V1_GROUPS.format(path="/box") + "0::/box\n", V2_MOUNT)
    files |= v2_group("sys/fs/cgroup/box", "100000 100000", "700")
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_container_without_a_cgroup_namespace_sees_its_own_cgroup_at_the_mount_point(tmp_path: Path) -> None:
    group = "/docker/0123456789ab"
    mounts = [mount.replace(" / /sys", f" {group} /sys") for mount in (V1_CPU_MOUNT, V1_MEMORY_MOUNT)]
    files = proc(V1_GROUPS.format(path=group), *mounts)
    files |= v1_cpu("sys/fs/cgroup/cpu,cpuacct", 100000)
    files |= v1_memory("sys/fs/cgroup/memory", str(700 * MIB))
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_cgroup_below_that_of_a_container_without_a_cgroup_namespace(tmp_path: Path) -> None:
    mount = V2_MOUNT.replace(" / /sys", " /docker/ab /sys")
    files = proc("0::/docker/ab/build\n", mount)
    files |= v2_group("sys/fs/cgroup", "100000 100000", "3000")
    files |= v2_group("sys/fs/cgroup/build", "max 100000", "700")
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_mount_that_shows_the_cgroup_is_preferred_to_one_that_shows_another(tmp_path: Path) -> None:
    alien = V2_MOUNT.replace(" / /sys/fs/cgroup ", " /other /mnt/other ")
    files = proc("0::/box\n", alien, V2_MOUNT)
    files |= v2_group("mnt/other", "100000 100000", "10")
    files |= v2_group("sys/fs/cgroup/box", "max 100000", "700")
    assert capacity_of(tmp_path, files)[:2] == (PROCESSORS, 700)


def test_cgroup_outside_of_the_namespace_counts_as_the_root_of_the_namespace(tmp_path: Path) -> None:
    files = proc("0::/../../box\n", V2_MOUNT) | v2_group("sys/fs/cgroup", "100000 100000", "700")
    files |= v2_group("sys/box", "100000 100000", "10")  # as a path, ".." would lead here
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


def test_cgroup_whose_name_begins_with_that_of_the_mounted_one_is_another(tmp_path: Path) -> None:
    mount = V2_MOUNT.replace(" / /sys", " /docker/ab /sys")
    files = proc("0::/docker/abc/box\n", mount) | v2_group("sys/fs/cgroup/c/box", "100000 100000", "10")
    assert capacity_of(tmp_path, files)[:2] == (PROCESSORS, AVAILABLE_MIB)


def test_mount_point_and_cgroup_with_blanks_and_colons_in_their_names(tmp_path: Path) -> None:
    mount = V2_MOUNT.replace("/sys/fs/cgroup", r"/mnt/my\040groups")
    files = proc("0::/a b:c\n", mount) | v2_group("mnt/my groups/a b:c", "100000 100000", "700")
    assert capacity_of(tmp_path, files)[:2] == (1, 700)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("proc/self/cgroup", "nonsense\n\n::\n:\n"),
        ("proc/self/cgroup", "0::\n"),
        ("proc/self/mountinfo", "nonsense\n - \n 1 2 - cgroup2\n"),
        ("sys/fs/cgroup/box/cpu.max", "max\n"),
        ("sys/fs/cgroup/box/cpu.max", "-5 -5\n"),
        ("sys/fs/cgroup/box/cpu.max", "² ²\n"),
        ("sys/fs/cgroup/box/memory.max", "much\n"),
        ("sys/fs/cgroup/box/memory.current", "\n"),
        ("sys/fs/cgroup/box/memory.current", "²\n"),
    ],
)
def test_malformed_files_set_no_limit(name: str, text: str, tmp_path: Path) -> None:
    files = proc("0::/box\n", V2_MOUNT) | v2_group("sys/fs/cgroup/box", "max 100000", "99999")
    assert capacity_of(tmp_path, files | {name: text})[:2] == (PROCESSORS, AVAILABLE_MIB)


def test_unreadable_files_set_no_limit(tmp_path: Path) -> None:
    files = proc("0::/box\n", V2_MOUNT)
    (tmp_path / "sys/fs/cgroup/box/cpu.max").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/box/memory.max").mkdir()
    assert capacity_of(tmp_path, files)[:2] == (PROCESSORS, AVAILABLE_MIB)

"""A picture as the JSON document of docs/json.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..commands.document import VERSION
from .picture import HELD, MOVING

if TYPE_CHECKING:
    from .picture import Build, Job, Picture, ThisMachine, Worker


def monitor_document(picture: Picture) -> dict[str, Any]:
    """The document of `distcc-driver monitor --json`."""
    return {
        "version": VERSION,
        "command": "monitor",
        "time": round(picture.time, 3),
        "elapsed_s": picture.elapsed_s,
        "builds": [_build(build) for build in picture.builds],
        "notes": list(picture.notes),
    }


def _build(build: Build) -> dict[str, Any]:
    return {
        "pid": build.pid,
        "directory": build.directory,
        "command_line": build.command,
        "workers": [_worker(worker) for worker in build.workers],
        "here": _here(build.here),
        "limit": {"code": build.limit.code, "text": build.limit.text},
        "notes": list(build.notes),
    }


def _worker(worker: Worker) -> dict[str, Any]:
    return {
        "host": worker.name,
        "via": worker.via,
        "slots": worker.slots,
        "compiling": worker.compiling,
        "transferring": worker.count(MOVING),
        "held": worker.count(HELD),
        "others": worker.others,
        "idle": worker.idle,
        "avoided_s": None if worker.avoided_s is None else round(worker.avoided_s, 1),
        "avoided_why": worker.avoided_why,
        "done": worker.done,
        "done_per_s": worker.done_per_s,
        "failed": worker.failed,
        "load": None if worker.load is None else round(worker.load, 2),
        "jobs": [_job(job) for job in worker.jobs],
    }


def _here(here: ThisMachine) -> dict[str, Any]:
    return {
        "slots": here.slots,
        "preprocessing_slots": here.cpp_slots,
        "preprocessing": here.preprocessing,
        "queued": here.queued,
        "compiling": len(here.jobs) - here.links,
        "linking": here.links,
        "waiting": here.waiting,
        "repeated": here.repeated,
        "processors": here.processors,
        "jobs": [_job(job) for job in here.jobs],
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "pid": job.pid,
        "slot": job.slot,
        "file": job.file,
        "step": job.step.value,
        "age_s": round(job.age_s, 1),
    }

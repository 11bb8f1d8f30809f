"""Surveys of hosts that do not exist."""

from __future__ import annotations

from distcc_driver.commands.survey import Answers
from distcc_driver.core.balance import balance
from distcc_driver.core.errors import NoCapacityError
from distcc_driver.core.facts import LocalCapacity, Rejection, Worker
from distcc_driver.core.hostspec import parse_host
from distcc_driver.core.settings import Settings

from ..samples import settings_of

LOCAL = LocalCapacity(threads=2, memory_mib=9000)


def rejected(text: str, cause: str = "it is down", advice: str = "start it") -> Rejection:
    return Rejection(parse_host(text), cause, advice)


def survey(
    *results: Worker | Rejection, extra: str = "", local: LocalCapacity = LOCAL, **variables: object
) -> tuple[Settings, Answers]:
    """Settings and answers for these results; `extra` is in the host list, too."""
    names = [r.host.text if isinstance(r, Rejection) else r.endpoint.host.text for r in results]
    settings = settings_of(HOSTS=" ".join([*names, extra]), **variables)
    workers = [r for r in results if isinstance(r, Worker)]
    try:
        plan = balance(settings, workers, local)
    except NoCapacityError as error:
        return settings, Answers(list(results), settings.bad_entries, None, error.message)
    return settings, Answers(list(results), settings.bad_entries, plan)

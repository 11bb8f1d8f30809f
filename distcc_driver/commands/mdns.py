"""Asks the local network by multicast DNS who announces distccd (RFC 6762 and 6763)."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

from ..core.errors import ConfigError
from ..machine.installation import package_remedy
from .announcement import Announcement

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPE = "_distcc._tcp.local."
_MOST_SERVICES = 500  # so that no sender can fill the memory


def listen(duration_s: float) -> list[Announcement]:
    """The services that are announced within some seconds, one for each name.

    Raises `ConfigError` if the package zeroconf is missing, or if the network cannot be asked.
    """
    try:
        import zeroconf.asyncio  # the extra distcc-driver[discover]
    except ModuleNotFoundError:
        raise ConfigError("discover", "the package zeroconf is missing", package_remedy("zeroconf")) from None
    logging.disable()  # zeroconf logs whatever the network sends
    try:
        return asyncio.run(_listen(zeroconf, duration_s))
    except OSError as error:
        raise _unable(error.strerror or str(error)) from None
    except RuntimeError as error:
        if "nterface" not in str(error):
            raise
        raise _unable("no interface is up") from None


def _unable(cause: str) -> ConfigError:
    return ConfigError(
        "discover",
        f"cannot ask the network: {cause}",
        "connect this machine to the network of the workers",
    )


async def _listen(zeroconf: Any, duration_s: float) -> list[Announcement]:
    loop = asyncio.get_running_loop()
    end = loop.time() + duration_s
    questions: dict[str, asyncio.Task[bool]] = {}

    def found(zeroconf: Any, service_type: str, name: str, state_change: Any) -> None:  # noqa: ARG001
        if name not in questions and len(questions) < _MOST_SERVICES:
            questions[name] = loop.create_task(_ask(network, name, end - loop.time()))

    versions = zeroconf.IPVersion.All if socket.has_dualstack_ipv6() else zeroconf.IPVersion.V4Only
    network = zeroconf.asyncio.AsyncZeroconf(ip_version=versions)
    try:
        await network.zeroconf.async_wait_for_start()
        browser = zeroconf.asyncio.AsyncServiceBrowser(network.zeroconf, _TYPE, handlers=[found])
        await asyncio.sleep(end - loop.time())
        await browser.async_cancel()
        return list(_announcements(zeroconf, network.zeroconf, questions))
    finally:
        for question in questions.values():
            question.cancel()
        await network.async_close()


async def _ask(network: Any, name: str, duration_s: float) -> bool:
    """Get the records of a service into the cache. Most senders send them unasked, but not all."""
    from zeroconf import Error

    try:
        return bool(await network.async_get_service_info(_TYPE, name, duration_s * 1000))
    except Error:
        return False


def _announcements(zeroconf: Any, network: Any, names: Iterable[str]) -> Iterable[Announcement]:
    for name in names:
        try:
            info = zeroconf.ServiceInfo(_TYPE, name)
        except zeroconf.Error:
            continue  # the name breaks the rules for names of services
        info.load_from_cache(network)
        yield Announcement(
            name.removesuffix(f".{_TYPE}"),
            (info.server or "").removesuffix("."),
            info.port or 0,
            tuple(map(_with_name_of_zone, info.parsed_scoped_addresses())),
            info.properties,
        )


def _with_name_of_zone(address: str) -> str:
    """Replace the number of an interface by its name: numbers may change when the machine starts."""
    host, percent, number = address.partition("%")
    if not percent:
        return address
    try:
        return f"{host}%{socket.if_indextoname(int(number))}"
    except (OSError, ValueError):
        return host

"""Reads the configuration of a host that `ssh -G` prints. Pure."""

from __future__ import annotations

from ..core.record import Record

_NOTHING = ("", "none")


class SshConfig(Record):
    """The configuration of one host: `options` maps a keyword in lower case to its values, in ssh's order."""

    options: dict[str, list[str]]

    def value(self, keyword: str) -> str:
        """The first value of a keyword; "" if it is missing or "none"."""
        value = self.options.get(keyword, [""])[0]
        return "" if value in _NOTHING else value

    @property
    def connect_timeout_s(self) -> int:
        """`ConnectTimeout`; 0 if it is not set."""
        value = self.value("connecttimeout")
        return int(value) if value.isascii() and value.isdigit() else 0

    @property
    def hops(self) -> list[str]:
        """The jump hosts on the way, as `[USER@]HOST[:PORT]`, the nearest first."""
        return [hop for hop in self.value("proxyjump").split(",") if hop]

    @property
    def first_sshd(self) -> str:
        """Names the sshd to which the connection comes first: jump host, proxy or host; "" if unknown.

        Hosts whose connections come to the same sshd first have the same text here.
        """
        way = [*self.hops[:1], self.value("proxycommand"), f"{self.value('hostname')} {self.value('port')}"]
        return next(text for text in way if text).strip()


def parse_config(text: str) -> SshConfig:
    """Parse the output of `ssh -G`, which may be any text, and is empty if ssh failed."""
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        options.setdefault(keyword, []).append(value)
    return SshConfig(options)

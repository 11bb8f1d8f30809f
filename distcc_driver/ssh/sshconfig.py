"""What the user's configuration says about a host, as `ssh -G` prints it. Pure functions."""

from __future__ import annotations

from ..core.record import Record

_NOTHING = ("", "none")


class SshConfig(Record):
    """Of one host: `options` has the values of each keyword, in lower case, in the order of ssh."""

    options: dict[str, list[str]]

    def value(self, keyword: str) -> str:
        """The first value of a keyword, "" if there is none."""
        value = self.options.get(keyword, [""])[0]
        return "" if value in _NOTHING else value

    @property
    def connect_timeout_s(self) -> int:
        """`ConnectTimeout`, 0 if there is none."""
        value = self.value("connecttimeout")
        return int(value) if value.isascii() and value.isdigit() else 0

    @property
    def hops(self) -> list[str]:
        """The jump hosts on the way, as `[USER@]HOST[:PORT]`, the nearest first."""
        return [hop for hop in self.value("proxyjump").split(",") if hop]

    @property
    def first_sshd(self) -> str:
        """The same text for all hosts whose connections come to one sshd first; "" if ssh did not tell."""
        way = [*self.hops[:1], self.value("proxycommand"), f"{self.value('hostname')} {self.value('port')}"]
        return next(text for text in way if text).strip()


def parse_config(text: str) -> SshConfig:
    """The output of `ssh -G`, which may be anything, and nothing if it failed."""
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        keyword, _, value = line.partition(" ")
        options.setdefault(keyword, []).append(value)
    return SshConfig(options)

"""A whole build with random input from outside, and the checks that it must pass."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import servers
from .evil import Canary, Evil
from .place import install
from .ports import LOOPBACK, host_spec
from .servers import Server, saying
from .shells import Recorder, UserShell

if TYPE_CHECKING:
    import random
    from pathlib import Path

_NUMBERS = ["COMPILER_MEMORY", "EARLY_LOCAL_JOBS", "FALLBACK_LOCAL_JOBS", "PREPROCESSOR_SATURATION_JOBS"]
# Variables that a shell sets or changes by itself.
_SHELLS_OWN = {"_", "PWD", "OLDPWD", "SHLVL", "SECONDS", "RANDOM", "LINENO", "OPTIND"}
_SET_FOR_BUILDS = {"DISTCC_HOSTS", "CCACHE_PREFIX", "DISTCC_PAUSE_TIME_MSEC"}


class EvilBuild:
    """One build by `shell` in `directory`, with texts that `chance` chooses."""

    def __init__(self, shell: str, directory: Path, environ: dict[str, str], chance: random.Random) -> None:
        self._chance = chance
        self.evil = Evil(chance)
        self.canary = Canary(directory)
        self._place = directory
        self._recorder = Recorder(directory)
        self.work = self._make("work")
        home = self._make("home")
        self._temporary = self._make("temporary")
        self.environ = {
            **environ,
            "PATH": f"{self.canary.directory}:{environ['PATH']}",
            "HOME": str(home),
            "DISTCC_DIR": str(home),
            "TMPDIR": str(self._temporary),
            "XDG_RUNTIME_DIR": str(self._temporary),
        }
        root = install(self._make("installation"))
        self._shell = UserShell(shell, self.environ, self.work, root)

    def run(self) -> int:
        """Build with a worker that sends random text, and check the build; returns its status."""
        arguments = [self.evil.text() for _ in range(self._chance.randrange(4))]
        reply = self.evil.reply()
        with Server(saying(reply)) as stats, Server(servers.hang) as job:
            self._set_variables(host_spec(LOOPBACK, job.port, stats.port))
            script = f"distcc_build {self._recorder.word} {' '.join(map(_quote, arguments))}\n"
            done = self._shell.run_bytes(os.fsencode(script))
        situation = f"{self.environ!r}\n{reply!r}\n{done.stderr!r}"
        assert not self.canary.has_run, situation
        assert done.returncode in (0, 96, 97), situation
        assert done.stdout == b"", situation
        assert self._recorder.has_run == (done.returncode == 0), situation
        self._check_shown(os.fsdecode(done.stderr), situation)
        for directory in (self.work, self._temporary):
            assert os.listdir(directory) == [], situation
        if done.returncode == 0:
            self._check_build([os.fsencode(text) for text in arguments], situation)
        return done.returncode

    def _make(self, what: str) -> Path:
        directory = self._place / what / self.evil.file_name()
        directory.mkdir(parents=True)
        return directory

    def _set_variables(self, worker: str) -> None:
        # A lookup of a host name takes time. No host name has a `$`, so these words are only parsed.
        bad = [text for text in self.evil.text().split() if "$" in text]
        settings = {
            "DISTCC_AUTO_HOSTS": " ".join([*bad, worker, *bad]),
            "DISTCC_AUTO_CONNECT_TIMEOUT": "5",
            "DISTCC_AUTO_LOG_LEVEL": self._chance.choice(["debug", "info", "warning", "error"]),
        }
        for name in _NUMBERS:
            settings[f"DISTCC_AUTO_{name}"] = self._chance.choice(["", "0", "1", "3"])
        if self._chance.random() < 0.2:
            settings[self._chance.choice(sorted(settings))] = self.evil.text()
        for name in ("DISTCC_HOSTS", "DISTCC_PAUSE_TIME_MSEC", "CCACHE_PREFIX", "SECONDS"):
            if self._chance.random() < 0.3:
                settings[name] = self.evil.text()
        if self._chance.random() < 0.1:
            settings["DISTCC_DRIVER_PYTHON"] = "$" + self.evil.text()
        for _ in range(self._chance.randrange(4)):
            settings[f"DISTCC_AUTO_{self.evil.text(2)}".replace("=", "")] = self.evil.text()
            settings[self.evil.variable()] = self.evil.text()
        self.environ.update(settings)

    def _check_shown(self, shown: str, situation: str) -> None:
        for line in shown.split("\n")[:-1]:
            # The shell wrote this line. Shells take U+202E, which reverses text, for printable.
            words = line.replace("\u202e", "") if "interpreter" in line else line
            assert words.isprintable(), situation
            assert line.startswith("distcc-driver: "), situation

    def _check_build(self, arguments: list[bytes], situation: str) -> None:
        """The build got its arguments and the user's variables unchanged, and of our variables only a few."""
        assert self._recorder.arguments[:-2] == arguments, situation
        found = self._recorder.environ
        ours = {name for name in self.environ if name.startswith(("DISTCC_AUTO_", "DISTCC_DRIVER_"))}
        for name, value in self.environ.items():
            if name.isidentifier() and name not in ours | _SET_FOR_BUILDS | _SHELLS_OWN:
                assert os.fsencode(found[name]) == os.fsencode(value), (name, situation)
        # Two bytes that are no characters by themselves may be one character together.
        new = set(found) - {os.fsdecode(os.fsencode(name)) for name in self.environ} - _SHELLS_OWN
        assert new <= _SET_FOR_BUILDS, (new, situation)
        legal = {name for name in ours if name.isidentifier() and name.isascii()}
        assert not legal & set(found), situation


def _quote(text: str) -> str:
    """Quote a word for a shell. shlex.quote leaves =canary as it is, which zsh would replace by a path."""
    return "'" + text.replace("'", "'\\''") + "'"

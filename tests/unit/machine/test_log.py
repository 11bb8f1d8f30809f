"""Messages on standard error: their level, and how they are made printable."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distcc_driver.machine.log import Log, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text: 'quoted' $HOME", "plain text: 'quoted' $HOME"),
        ("Größe 日本 ✓", "Größe 日本 ✓"),
        ("", ""),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("tab\there", r"tab\there"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("nul\0", r"nul\x00"),
        ("right\u202eto left", r"right\u202eto left"),
        ("line\u2028separator", r"line\u2028separator"),
        ("byte \udcff of no encoding", r"byte \udcff of no encoding"),
        ("\U000e0001tag", r"\U000e0001tag"),
    ],
)
def test_characters_that_are_not_printable_become_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_line_keeps_its_beginning_and_its_end() -> None:
    shown = printable(
        f"DISTCC_AUTO_HOSTS: entry 3 '{'x' * 100_000}', character 7: ';' is not allowed; skipped"
    )
    assert shown.startswith("DISTCC_AUTO_HOSTS: entry 3 'xxx")
    assert "xxx...xxx" in shown
    assert shown.endswith("character 7: ';' is not allowed; skipped")
    assert len(shown) < 2100


def test_line_of_the_greatest_length_is_not_cut() -> None:
    assert printable("x" * 2000) == "x" * 2000


@given(st.text(st.characters(exclude_categories=[])))
@example("\n" * 5000)
@example("\U0001f600" * 5000)
def test_any_text_becomes_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 10 * 2003


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["d", "i", "w", "e"]),
        ("info", ["i", "w", "e"]),
        ("warning", ["w", "e"]),
        ("error", ["e"]),
    ],
)
def test_messages_below_the_level_are_not_shown(
    level: str, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(level)
    log.debug("d")
    log.info("i")
    log.warning("w")
    log.error("e")
    out, err = capsys.readouterr()
    assert err == "".join(f"distcc-driver: {text}\n" for text in shown)
    assert out == ""


CODE = """
from distcc_driver.machine.log import Log
Log('info').info('d\\u00e9j\\u00e0 \\udcff\\n'); print('went on')
"""


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_terminal_of_any_locale_gets_one_line(locale: str) -> None:
    environ = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", CODE], env=environ, capture_output=True, check=True)
    assert done.stderr.startswith(b"distcc-driver: d")
    assert done.stderr.endswith(b"\\udcff\\n\n")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_program_goes_on_if_a_message_cannot_be_written(stderr: str) -> None:
    if "full" in stderr and not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    code = CODE + "import os, sys; sys.stdout.flush(); os._exit(0)"
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {stderr}', "sh", sys.executable, "-c", code], stdout=-1, check=True
    )
    assert done.stdout == b"went on\n"

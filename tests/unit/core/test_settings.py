from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distcc_driver.core.errors import ConfigError
from distcc_driver.core.hostspec import TcpHost
from distcc_driver.core.settings import read_log_level, read_settings, read_warnings

from ..samples import settings_of

COUNTS = ("COMPILER_MEMORY", "EARLY_LOCAL_JOBS", "FALLBACK_LOCAL_JOBS", "PREPROCESSOR_SATURATION_JOBS")
KNOWN = ("HOSTS", *COUNTS, "CONNECT_TIMEOUT", "WAIT_FOR", "WAIT_TIMEOUT", "LOG_LEVEL")


def message_of(**variables: object) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(**variables)
    return str(caught.value)


def test_defaults() -> None:
    found = read_settings({"DISTCC_AUTO_HOSTS": "worker", "HOME": "/home/me"})
    assert found.hosts == [TcpHost("worker", "worker")]
    assert found.bad_entries == []
    assert found.compiler_memory_mib == 1024
    assert found.early_local_jobs == 0
    assert found.fallback_local_jobs is None
    assert found.saturation_jobs is None
    assert found.connect_timeout_s is None
    assert (found.wait_for, found.wait_timeout_s) == (0, 0)
    assert found.log_level == "info"
    assert found.pause_is_set is False


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_set_but_empty_means_default(blank: str) -> None:
    names = [f"DISTCC_AUTO_{name}" for name in KNOWN if name != "HOSTS"]
    environ = {"DISTCC_AUTO_HOSTS": "worker", **dict.fromkeys(names, blank)}
    found = read_settings(environ)
    assert found._replace(own_names=[]) == settings_of()._replace(own_names=[])
    assert sorted(found.own_names) == sorted(environ)


def test_every_value_given() -> None:
    found = settings_of(
        HOSTS=" worker:1 -bad\tssh://other\n",
        COMPILER_MEMORY="512",
        EARLY_LOCAL_JOBS="1",
        FALLBACK_LOCAL_JOBS="2",
        PREPROCESSOR_SATURATION_JOBS="3",
        CONNECT_TIMEOUT="0.25",
        WAIT_FOR="4",
        WAIT_TIMEOUT="0.5",
        LOG_LEVEL="debug",
    )
    assert [host.text for host in found.hosts] == ["worker:1", "ssh://other"]
    assert [entry.text for entry in found.bad_entries] == ["-bad"]
    assert found.compiler_memory_mib == 512
    assert found.early_local_jobs == 1
    assert found.fallback_local_jobs == 2
    assert found.saturation_jobs == 3
    assert (found.wait_for, found.wait_timeout_s) == (4, 0.5)
    assert found.connect_timeout_s == 0.25
    assert found.log_level == "debug"


def test_zero_is_not_the_default() -> None:
    found = settings_of(COMPILER_MEMORY=0, FALLBACK_LOCAL_JOBS=0, PREPROCESSOR_SATURATION_JOBS=0)
    assert found.compiler_memory_mib == 0
    assert found.fallback_local_jobs == 0
    assert found.saturation_jobs == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("007", 7), (" 7 ", 7), ("7\n", 7), ("999999999", 999999999), ("0" * 5000 + "7", 7)],
)
def test_whole_number(text: str, number: int) -> None:
    assert settings_of(EARLY_LOCAL_JOBS=text).early_local_jobs == number


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    "text",
    [
        *("-1", "+1", "1.0", "1e3", "0x10", "1_000", "1,5", "1 2", "1GB", "two", "1000000000", "9" * 5000),
        *("\N{ARABIC-INDIC DIGIT ONE}", "\N{SUPERSCRIPT TWO}"),
    ],
)
def test_count_that_is_not_a_whole_number_is_named_with_what_is_expected(name: str, text: str) -> None:
    message = message_of(**{name: text})
    assert message.startswith(f"DISTCC_AUTO_{name}: {text!r} ")
    assert message.endswith("is not a whole number; use one from 0 to 999999999")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2", 2), ("0.5", 0.5), (".5", 0.5), ("3.", 3), (" 1.5 ", 1.5), ("0.001", 0.001), ("3600", 3600)],
)
def test_timeout(text: str, seconds: float) -> None:
    assert settings_of(CONNECT_TIMEOUT=text).connect_timeout_s == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("0", "0.0", ".", "-1", "+1", "1e3", "inf", "nan", "2s", "1,5", "1.2.3", "1 2", "1_0", "9" * 5000),
        *("0." + "0" * 400 + "1", "\N{SUPERSCRIPT TWO}"),
    ],
)
def test_timeout_that_is_not_a_number_above_zero_is_named_with_what_is_expected(text: str) -> None:
    message = message_of(CONNECT_TIMEOUT=text)
    assert message.startswith(f"DISTCC_AUTO_CONNECT_TIMEOUT: {text!r} ")
    assert "seconds above 0" in message


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_level(level: str) -> None:
    assert settings_of(LOG_LEVEL=level).log_level == level
    assert read_log_level({"DISTCC_AUTO_LOG_LEVEL": f" {level} "}) == level


@pytest.mark.parametrize("level", ["verbose", "DEBUG", "0", "debug info", "warn"])
def test_wrong_level_is_named_with_the_levels_that_exist(level: str) -> None:
    message = message_of(LOG_LEVEL=level)
    assert message.startswith(f"DISTCC_AUTO_LOG_LEVEL: {level!r} ")
    assert "debug, info, warning or error" in message


@pytest.mark.parametrize("environ", [{}, {"DISTCC_AUTO_HOSTS": ""}, {"DISTCC_AUTO_HOSTS": " \t\n"}])
def test_no_hosts_at_all_is_an_error_that_shows_how(environ: dict[str, str]) -> None:
    with pytest.raises(
        ConfigError, match=r"^DISTCC_AUTO_HOSTS: not set or blank; .*export DISTCC_AUTO_HOSTS="
    ):
        read_settings(environ)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DISTCC_AUTO_HOST", "DISTCC_AUTO_HOSTS"),
        ("DISTCC_AUTO_HOSTS_", "DISTCC_AUTO_HOSTS"),
        ("DISTCC_AUTO_COMPILER_MEM", "DISTCC_AUTO_COMPILER_MEMORY"),
        ("DISTCC_AUTO_EARLY_JOBS", "DISTCC_AUTO_EARLY_LOCAL_JOBS"),
        ("DISTCC_AUTO_FALLBACK_JOBS", "DISTCC_AUTO_FALLBACK_LOCAL_JOBS"),
        ("DISTCC_AUTO_PREPROCESSOR_JOBS", "DISTCC_AUTO_PREPROCESSOR_SATURATION_JOBS"),
        ("DISTCC_AUTO_CONNECTION_TIMEOUT", "DISTCC_AUTO_CONNECT_TIMEOUT"),
        ("DISTCC_AUTO_LOGLEVEL", "DISTCC_AUTO_LOG_LEVEL"),
        ("DISTCC_AUTO_log_level", "DISTCC_AUTO_LOG_LEVEL"),
    ],
)
def test_misspelled_variable_gets_one_warning_with_the_nearest_name(name: str, nearest: str) -> None:
    warnings = read_warnings({"DISTCC_AUTO_HOSTS": "worker", name: "1"})
    assert len(warnings) == 1
    assert warnings[0].line.startswith(f"{name}: ")
    assert warnings[0].line.endswith(f"did you mean {nearest}?")


@given(st.text(st.characters(exclude_characters="=\0")))
def test_any_unknown_name_gets_one_warning(rest: str) -> None:
    name = f"DISTCC_AUTO_{rest}"
    warnings = read_warnings({"DISTCC_AUTO_HOSTS": "worker", name: "1"}) if rest != "HOSTS" else [name]
    assert len(warnings) == (rest not in KNOWN or rest == "HOSTS")


def test_hosts_of_distcc_itself_get_one_warning() -> None:
    warnings = read_warnings({"DISTCC_AUTO_HOSTS": "worker", "DISTCC_HOSTS": "other localhost"})
    assert len(warnings) == 1
    assert warnings[0].line.startswith("DISTCC_HOSTS: ignored")


def test_empty_hosts_of_distcc_itself_get_no_warning() -> None:
    assert read_warnings({"DISTCC_AUTO_HOSTS": "worker", "DISTCC_HOSTS": ""}) == []


def test_correct_variables_get_no_warning() -> None:
    assert (
        read_warnings({**dict.fromkeys([f"DISTCC_AUTO_{name}" for name in KNOWN], "1"), "HOME": "/home/me"})
        == []
    )


@pytest.mark.parametrize(("value", "is_set"), [("50", True), ("", False)])
def test_pause_of_the_user_is_seen(value: str, is_set: bool) -> None:
    environ = {"DISTCC_AUTO_HOSTS": "worker", "DISTCC_PAUSE_TIME_MSEC": value}
    assert read_settings(environ).pause_is_set is is_set


def test_only_variables_of_the_driver_are_hidden_from_the_build() -> None:
    ours = ["DISTCC_AUTO_HOSTS", "DISTCC_AUTO_", "DISTCC_AUTO_WHATEVER", "DISTCC_DRIVER_PYTHON"]
    others = ["DISTCC_VERBOSE", "DISTCC_DIR", "DISTCC_AUTOMATIC", "distcc_auto_hosts", "MY_DISTCC_AUTO_HOSTS"]
    assert read_settings(dict.fromkeys([*ours, *others], "1")).own_names == ours


@given(st.dictionaries(st.sampled_from(KNOWN), st.text(max_size=12)))
def test_any_values_are_read_or_refused_naming_the_variable(variables: dict[str, str]) -> None:
    try:
        settings_of(**variables)
    except ConfigError as error:
        message = str(error)
        assert any(message.startswith(f"DISTCC_AUTO_{name}: ") for name in variables)

from __future__ import annotations

import os
import re
import string
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.config import Config
from rtvi_local.config_sources import ConfigError, LoadedConfig, load_config, variable
from rtvi_local.config_text import settings_page, to_toml
from rtvi_local.config_values import SETTINGS, Setting, Value, build, contradictions, values_of


def load(
    text: str | None = None, tmp_path: Path | None = None, flags: dict[str, str] | None = None, **environment: str
) -> LoadedConfig:
    """Read settings as if these were the flags, the file and the environment."""
    file = None
    if text is not None:
        assert tmp_path is not None
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
    return load_config(flags or {}, file=file, environment=environment, system_file=Path("/nowhere/config.toml"))


@pytest.fixture(autouse=True)
def no_file_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtvi_local.config_sources.user_file", lambda: tmp_path / "user" / "config.toml")


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load()
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}


def test_file_beats_default_and_environment_beats_file_and_flag_beats_environment(tmp_path: Path) -> None:
    text = "[server]\nhost = '::1'\nport = 1\nmax_conversations = 9\n"
    loaded = load(
        text, tmp_path, {"server.port": "3"}, RTVI_LOCAL_SERVER_PORT="2", RTVI_LOCAL_SERVER_MAX_CONVERSATIONS="8", PATH="x"
    )
    server = loaded.config.server
    assert (server.host, server.max_conversations, server.port) == ("::1", 8, 3)
    file = tmp_path / "config.toml"
    assert loaded.origins["server.host"] == f"{file}:2"
    assert loaded.origins["server.max_conversations"] == "RTVI_LOCAL_SERVER_MAX_CONVERSATIONS"
    assert loaded.origins["server.port"] == "--port"
    assert loaded.origins["llm.temperature"] == "default"


def test_the_system_file_is_read_instead_of_the_users(tmp_path: Path) -> None:
    system, user = tmp_path / "system.toml", tmp_path / "user" / "config.toml"
    user.parent.mkdir()
    user.write_text("[server]\nport = 2\n")
    assert load_config({}, environment={}, system_file=system).config.server.port == 2
    system.write_text("[server]\nhost = 'localhost'\n")
    loaded = load_config({}, environment={}, system_file=system)
    assert (loaded.config.server.host, loaded.config.server.port) == ("localhost", 7860)


def test_a_config_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot be read: No such file"):
        load_config({}, file=tmp_path / "missing.toml", environment={})


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_system_file_that_may_not_be_read_is_an_error_not_skipped(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    file.chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load_config({}, environment={}, system_file=file)


def test_every_problem_is_told_at_once_with_its_source(tmp_path: Path) -> None:
    text = "[server]\nprot = 3\nhost = 7\n\n[llm]\ntemperature = 2.5\n"
    with pytest.raises(ConfigError) as caught:
        load(text, tmp_path, {"models.preset": "lptop"}, RTVI_LOCAL_SERVER_PORT="many", RTVI_LOCAL_SERVR_HOST="x")
    file = tmp_path / "config.toml"
    assert caught.value.problems == (
        f"{file}:2: server.prot is not a setting; did you mean server.port?",
        f"{file}:3: server.host is 7; allowed is text",
        f"{file}:6: llm.temperature is 2.5; allowed is a number from 0 to 2",
        "RTVI_LOCAL_SERVER_PORT: server.port is 'many'; allowed is a whole number from 0 to 65535",
        "RTVI_LOCAL_SERVR_HOST: is not a setting; did you mean RTVI_LOCAL_SERVER_HOST?",
        "--preset: models.preset is 'lptop'; allowed is tiny, laptop, quality, jetson or gpu; did you mean laptop?",
    )
    assert str(caught.value).startswith("6 settings are wrong:\n  ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[servre]\nport = 1", "[servre] is not a section; did you mean [server]?"),
        ("port = 1", "port is not a setting; did you mean server.port?"),
        ("server = 1", "server is not a setting"),
        ("[server]\ntemperature = 1", "server.temperature is not a setting; did you mean llm.temperature?"),
        ("[vad]\nzzz = 1", "vad.zzz is not a setting; [vad] has threshold, start_ms, stop_ms, preroll_ms"),
        ("[server]\nport = true", "server.port is True; allowed is a whole number"),
        ("[server]\nport = 1.0", "server.port is 1.0; allowed is a whole number"),
        ("[server]\nport = -1", "server.port is -1; allowed is a whole number from 0 to 65535"),
        ("[llm]\ntemperature = nan", "llm.temperature is nan; allowed is a number from 0 to 2"),
        ("[llm]\ntemperature = 1" + 400 * "0", "allowed is a number from 0 to 2"),
        ("[server]\nport = 1" + 9000 * "0", "is not TOML: "),
        ("[server]\nport = " + 9000 * "[", "is not TOML: "),
        ("[llm]\ntemperature = 'x'", "llm.temperature is 'x'; allowed is a number"),
        ("[server]\nallowed_origins = 'https://a'", "allowed is a list of texts"),
        ("[server]\nallowed_origins = [1]", "allowed is a list of texts"),
        ("[turns]\nwait_complete_ms = 2026-01-01", "turns.wait_complete_ms is datetime.date(2026, 1, 1)"),
        ("[webrtc]\nudp_ports = '50099-50000'", "webrtc.udp_ports is '50099-50000'; allowed is empty for any, a range such as"),
        ("[webrtc]\nudp_ports = '0-70000'", "TOML:2: webrtc.udp_ports is '0-70000'"),
        (
            "[webrtc]\nannounced_address = 'home.example'",
            "webrtc.announced_address is 'home.example'; allowed is empty, or an IP",
        ),
        ("[webrtc]\nice_servers = ['stun.example.com']", "webrtc.ice_servers is 'stun.example.com'; allowed is a list of URLs"),
        ("[webrtc]\nice_servers = ['turn:[::1]']", "webrtc.ice_servers is 'turn:[::1]'; allowed is a list of URLs such as"),
        (
            "[webrtc]\nice_servers = ['turn:turn.example']\nturn_username = 'me'",
            "TOML:2: webrtc.ice_servers has a TURN server, which needs webrtc.turn_credential",
        ),
        ("[server\nport = 1", "is not TOML: "),
        (
            "[llm]\nmax_tokens = 5000",
            "TOML:2: llm.max_tokens is 5000; it may be at most llm.context_tokens, which is 4096",
        ),
        (
            "[turns]\nwait_incomplete_ms = 1400\nwait_complete_ms = 1450",
            "it may be at most turns.wait_incomplete_ms, which is 1400",
        ),
    ],
)
def test_what_is_no_setting_or_no_value_for_it_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text, tmp_path)
    assert problem in str(caught.value).replace(str(tmp_path / "config.toml"), "TOML")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"[models]\nstt = '\xff'\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load_config({}, file=file, environment={})
    with pytest.raises(ConfigError, match=r"RTVI_LOCAL_MODELS_STT: models\.stt is not UTF-8 text"):
        load(RTVI_LOCAL_MODELS_STT=os.fsdecode(b"\xff"))


def test_numbers_and_lists_are_read_from_text() -> None:
    config = load(
        RTVI_LOCAL_LLM_TEMPERATURE="1", RTVI_LOCAL_SERVER_ALLOWED_ORIGINS="https://a.example, https://b.example,"
    ).config
    assert config.llm.temperature == 1.0
    assert type(config.llm.temperature) is float
    assert config.server.allowed_origins == ("https://a.example", "https://b.example")
    assert load(RTVI_LOCAL_SERVER_ALLOWED_ORIGINS="").config.server.allowed_origins == ()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("Yes", True), ("1", True), ("off", False), ("0", False)])
def test_true_and_false_are_read_from_the_usual_words(text: str, value: bool) -> None:
    assert load(RTVI_LOCAL_TURNS_DETECTOR=text).config.turns.detector is value
    with pytest.raises(ConfigError, match=r"turns\.detector is 'perhaps'; allowed is true or false"):
        load(RTVI_LOCAL_TURNS_DETECTOR="perhaps")


def test_the_log_level_is_no_unknown_variable() -> None:
    assert load(RTVI_LOCAL_LOG="debug").config == Config()


def test_a_windows_editors_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf[server]\r\nport = 5\r\n")
    assert load_config({}, file=file, environment={}).config.server.port == 5


def test_every_setting_can_be_given_by_its_variable() -> None:
    for name, setting in SETTINGS.items():
        text = ",".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)
        loaded = load_config({}, environment={variable(setting): text}, system_file=Path("/nowhere"))
        assert loaded.config == Config(), name
        assert loaded.origins[name] == variable(setting)


def test_print_config_is_read_back_even_if_the_files_name_holds_a_line_break(tmp_path: Path) -> None:
    odd = tmp_path / "a\nb.toml"
    odd.write_text("[server]\nport = 80\n")
    loaded = load_config({}, file=odd, environment={})
    assert load(to_toml(loaded), tmp_path).config == loaded.config


def test_print_config_shows_no_password_and_says_where_it_goes(tmp_path: Path) -> None:
    loaded = load('[webrtc]\nturn_username = "me"\nturn_credential = "open sesame"\n', tmp_path)
    printed = to_toml(loaded)
    assert "open sesame" not in printed
    assert re.search(
        r"^# turn_credential = \*+  # .*config.toml.*: give it as RTVI_LOCAL_WEBRTC_TURN_CREDENTIAL$", printed, re.M
    )
    assert load(printed, tmp_path).config == build(values_of(loaded.config) | {"webrtc.turn_credential": ""})


def test_print_config_shows_no_commands_of_mcp_servers_which_may_hold_a_token(tmp_path: Path) -> None:
    printed = to_toml(load('[tools]\nmcp_servers = ["mail --token abc123"]\n', tmp_path))
    assert "abc123" not in printed
    assert re.search(r"^# mcp_servers = \*+  # .*config.toml.*: give it as RTVI_LOCAL_TOOLS_MCP_SERVERS$", printed, re.M)
    assert load(printed, tmp_path).config.tools.mcp_servers == ()
    with pytest.raises(ConfigError, match=r"tools\.mcp_servers is not a list of texts") as refused:
        load('[tools]\nmcp_servers = "mail --token abc123"\n', tmp_path)
    assert "abc123" not in str(refused.value)


def test_a_password_without_quotes_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load("[webrtc]\nturn_credential = 246810\n", tmp_path)
    assert "webrtc.turn_credential is not a text; allowed is text" in str(refused.value)
    assert "246810" not in str(refused.value)


def test_print_config_tells_meaning_unit_and_origin() -> None:
    printed = to_toml(load(flags={"server.port": "0"}))
    assert "# TCP port of the page and the API (a whole number from 0 to 65535)\nport = 0  # --port\n" in printed
    assert "(a whole number from 32 to 2000, in ms)\nstop_ms = 64  # default\n" in printed


def values(setting: Setting) -> st.SearchStrategy[Value]:
    """Values that this setting takes."""
    text = st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\x1b\x7f\"'\\\n\r\t#" + string.ascii_letters)
    )
    if setting.choices:
        return st.sampled_from(setting.choices)
    if setting.form:
        fitting = st.sampled_from(setting.form.examples)
        return fitting if setting.kind is str else st.lists(fitting, max_size=3).map(tuple)
    if setting.kind is bool:
        return st.booleans()
    if setting.kind is int:
        return st.integers(int(setting.least or 0), int(setting.most) if setting.most is not None else 2**53)
    if setting.kind is float:
        return st.floats(setting.least, setting.most)
    if setting.kind == tuple[str, ...]:
        return st.lists(text, max_size=3).map(tuple)
    assert setting.kind is str, f"{setting.name}: tell this test how to make values of {setting.kind}"
    return text


configs = (
    st.fixed_dictionaries({name: values(setting) for name, setting in SETTINGS.items()})
    .filter(lambda given: not list(contradictions(given)))
    .map(build)
)


@given(config=configs)
def test_whatever_is_printed_is_read_back_the_same_but_for_secrets_which_must_be_given_anew(
    config: Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("printed") / "config.toml"
    file.write_text(to_toml(LoadedConfig(config, dict.fromkeys(SETTINGS, "default"))), encoding="utf-8", newline="")
    values, secrets = values_of(config), [setting for setting in SETTINGS.values() if setting.secret]
    texts = {variable(setting): str(values[setting.name]) for setting in secrets if setting.kind is str}
    # A variable separates its list by commas, of which these have some.
    lists = {setting.name: setting.default for setting in secrets if setting.kind is not str}
    assert load_config({}, file=file, environment=texts).config == build(values | lists)


@given(config=configs)
def test_building_and_taking_apart_are_each_others_reverse(config: Config) -> None:
    assert build(values_of(config)) == config


def test_the_settings_page_is_up_to_date() -> None:
    page = Path(__file__).parent.parent / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_page(), "run make docs"

"""Settings: plain names, clear complaints."""

import pytest

from engine.errors import StartupError
from engine.settings import load_settings, settings_table


def test_names_are_plain_and_overrides_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "9090")
    assert load_settings().http_port == 9090
    assert load_settings(http_port=0).http_port == 0
    assert load_settings(rtp_ports="30000-30009").rtp_range == range(30000, 30010)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "eighty"),
        ("HTTP_PORT", "70000"),
        ("RTP_PORTS", "9-1"),
        ("BRIDGE_RTP_PORTS", "21001-21002"),
        ("LOG_FORMAT", "xml"),
        ("PUBLIC_URL", "x"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https:///desk"),
        ("PUBLIC_URL", "https://:8443"),
        ("PUBLIC_URL", "https://desk.example:99999"),
        ("PUBLIC_URL", "https://desk.example:0"),
        ("PUBLIC_URL", "https://[::1"),
        ("BRIDGE_URL", "https://host:port"),
        ("BRIDGE_URL", "https://desk.example\\phone"),
        ("BRIDGE_URL", "https://é..example"),
        ("TRACES_URL", "127.0.0.1:4318"),
        ("LLM_URL", "127.0.0.1:8000/v1"),
        ("LLM_ANSWER_S", "0"),
        ("BUS_URL", "http://nats.example"),
        ("BUS_URL", "nats://:4222"),
        ("BUS_URL", "nats://a:4222,nats://b:4222"),
        ("BUS_URL", "nats://[::1"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy.example"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StartupError, match=f"^{name}: "):
        load_settings()


@pytest.mark.parametrize(
    "address",
    ["https://desk.example", "http://127.0.0.1:9000/x", "https://[::1]:8443", "https://teléfono.example", ""],
)
def test_an_address_is_taken_as_it_is_written(address: str) -> None:
    settings = load_settings(public_url=address, bridge_url=address)
    assert (settings.public_url, settings.bridge_url) == (address, address)


@pytest.mark.parametrize(
    "url", ["nats://192.0.2.7", "tls://user:p%40ss@nats.example:4222", "nats.example:4222", "wss://nats.example/ws", ""]
)
def test_a_bus_is_named_as_its_client_takes_it(url: str) -> None:
    assert load_settings(bus_url=url).bus_url == url


def test_every_setting_is_described() -> None:
    for name, _default, description in settings_table():
        assert name == name.upper()
        assert description.endswith("."), name

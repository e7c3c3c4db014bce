"""The dial plan's file: what a number reaches, and who may dial it."""

from pathlib import Path

import pytest

from engine.control.routes import AGENTS, Route, dialled, load_routes, routes_to
from engine.errors import StartupError

PLAN = """
[[route]]
number = "+3491*"
phones = true
ring_s = 12

[[route]]
number = "+34910000001"
uri = "sip:{number}@10.0.0.5"

[[route]]
number = "0*"
trunk = "carrier"
strip = 1
prefix = "+34"
show = "+34910000000"
"""


def plan(where: Path, text: str = PLAN) -> tuple[Route, ...]:
    path = where / "routes.toml"
    path.write_text(text)
    return load_routes(path, ["carrier"])


def test_the_most_exact_route_comes_first(tmp_path: Path) -> None:
    routes = plan(tmp_path)
    assert [bool(route.uri) for route in routes_to("+34910000001", "", routes)] == [True, False]
    assert routes_to("+34910000002", "", routes)[0].ring_s == 12
    assert routes_to("+44910000002", "", routes) == []


def test_a_trunk_is_dialled_by_agents_and_by_whom_the_file_names_alone(tmp_path: Path) -> None:
    routes = plan(tmp_path)
    assert routes_to("0600000000", "carrier", routes) == []
    (route,) = routes_to("0600000000", AGENTS, routes)
    assert route.rewritten("0600000000") == "+34600000000"
    routes = plan(tmp_path, PLAN.replace('show = "+34910000000"', 'callers = ["pbx"]'))
    assert routes_to("0600000000", AGENTS, routes) == []
    assert len(routes_to("0600000000", "pbx", routes)) == 1


@pytest.mark.parametrize(
    ("address", "number"),
    [
        ("sip:+34 600-000.000@10.0.0.1;user=phone", "+34600000000"),
        ("tel:+34600000000;phone-context=es", "+34600000000"),
        ("Marta@Desk", "marta"),
        ("1001@pbx.example", "1001"),
        ("*72#", "*72#"),
    ],
)
def test_what_was_dialled(address: str, number: str) -> None:
    assert dialled(address) == number


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("phones = true", "phones = false", "names one of"),
        ('trunk = "carrier"', 'trunk = "other"', "no trunk of that name"),
        ('uri = "sip:', 'uri = "http:', "begins with sip:"),
        ('number = "0*"', 'number = "*0*"', "number may end"),
        ("ring_s = 12", "ring_s = 0", "ring_s is positive"),
        ("ring_s = 12", "rings = 12", "rings"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(StartupError, match=complaint):
        plan(tmp_path, PLAN.replace(old, new))

"""`deploy/alerts.yaml` rests on what is measured, by labels that are counted, from the start where one step is all."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from engine.erasures import Erasures
from engine.telemetry import METRICS, Metrics
from pipelines.calls import Calls
from pipelines.recorder import Recorder
from tests.fakes import FakeEars, FakeSink, understanding
from tests.memory_files import MemoryFiles
from tests.pipelines.test_recording_commands import FakeRouter

ALERTS = Path(__file__).parent.parent / "deploy" / "alerts.yaml"


def alerts() -> list[Any]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


SAMPLES = {
    f"welcomedly_{one.name}{suffix}": one
    for one in METRICS
    for suffix in (("_bucket", "_sum", "_count") if one.kind == "histogram" else ("",))
}
FROM_PROMETHEUS = {"instance", "job", "le"}


def test_alerts_rest_on_metrics_and_labels_that_there_are() -> None:
    for rule in alerts():
        names = re.findall(r"welcomedly_\w+", rule["expr"])
        assert names or rule["expr"].startswith("up{job="), rule["alert"]
        labels = {label for name in names for label in SAMPLES[name].labels} | FROM_PROMETHEUS
        used = {name for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for name in group.split(", ")}
        for name, matchers in re.findall(r"(welcomedly_\w+)\{([^}]*)\}", rule["expr"]):
            assert set(re.findall(r"(\w+)!?=", matchers)) <= set(SAMPLES[name].labels) | {"job"}, rule["alert"]
        shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert used | shown <= labels, rule["alert"]
        aggregated = "by (" in rule["expr"]
        assert not aggregated or shown <= used, f"{rule['alert']} shows a label that its expression drops"


def test_values_of_labels_are_some_that_are_counted() -> None:
    told = {one.name: one.help for one in METRICS}
    counted = {
        "code": {"overloaded", "unknown_number", "shutting_down"},
        "reason": {"bye", "cancelled", "peer_vanished", "shutdown", "error"},
        "verdict": {"accepted", "unproven", "stale", "refused"},
        "kind": {"final", "partial", "speculation"},
        "outcome": {"run", "failed", "load", "late", "superseded", "cancelled"}
        | set(re.findall(r"\w+", told["platform_sockets_total"] + told["logins_total"] + told["recordings_total"])),
        "fate": set(re.findall(r"\w+", told["rtp_packets_total"])),
        "what": set(re.findall(r"\w+", told["recorded_seconds_total"] + told["retention_failures_total"])),
    }
    for rule in alerts():
        for label, values in re.findall(r'(\w+)!?=~?"([^"]*)"', rule["expr"]):
            if label != "job":
                assert set(values.split("|")) <= counted[label], rule["alert"]


def test_what_is_down_is_asked_of_whose_it_is() -> None:
    """The bridge shows every gauge that there is, at 0 where it is the engine's."""
    for rule in alerts():
        for name, matchers in re.findall(r"(welcomedly_\w+)(\{[^}]*\})? == 0", rule["expr"]):
            assert SAMPLES[name].labels or matchers == '{job="welcomedly"}', rule["alert"]


def test_alerts_have_a_name_a_severity_and_a_sentence() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names)
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


async def counted_from_the_start() -> Metrics:
    """What an engine shows before its first call."""
    metrics = Metrics()
    ears = FakeEars({})
    metrics.watch_ears(ears.headroom, lambda: 1, lambda: False)
    Recorder(MemoryFiles(), metrics).close()
    Calls(
        router=FakeRouter(None),
        ears=ears,
        sink=FakeSink(),
        understanding=understanding(),
        metrics=metrics,
        max_calls=1,
        clock_ms=lambda: 0.0,
        wall_clock=lambda: 0.0,
    )
    nothing, waits = SimpleNamespace(delete_expired=None), SimpleNamespace(believed=asyncio.Event().wait)
    erasures = Erasures(cast(Any, nothing), cast(Any, nothing), cast(Any, nothing))
    keeping = asyncio.create_task(erasures.keep_house(cast(Any, waits), metrics))
    await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    return metrics


async def test_what_alerts_at_its_first_step_is_there_before() -> None:
    """`increase` sees no step in a series that begins with it."""
    samples = [one for family in (await counted_from_the_start()).registry.collect() for one in family.samples]
    found = 0
    for rule in alerts():
        for name, matchers in re.findall(r"increase\((welcomedly_\w+)(?:\{([^}]*)\})?\[\w+\]\)+ > 0$", rule["expr"]):
            wanted = re.findall(r'(\w+)(!?=)"([^"]*)"', matchers)
            there = [one.labels for one in samples if one.name == name]
            assert [
                labels
                for labels in there
                if all((labels[label] == value) == (sign == "=") for label, sign, value in wanted)
            ], rule["alert"]
            found += 1
    assert found >= 7

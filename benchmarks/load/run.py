"""One run of a load: starts an engine and the lines, watches what is used, and makes the row."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.load.engine import Running, engine
from benchmarks.load.lines import Lines, Played, play
from benchmarks.load.processes import Usage, machine_seconds, total, usage, yardstick_ms
from benchmarks.load.rows import flat, heard, keeps

SAMPLE_S = 5.0
Counted = dict[str, float]
"""Metrics' samples by name and labels."""


class Sample(msgspec.Struct, frozen=True):
    at_s: float
    """From when the lines began to play."""
    usage: Usage
    machine_s: float
    counted: Counted = {}
    yardstick_ms: float = 0.0
    """Of the first sample and the last."""


def run(calls: int, seconds: float, *, spare: int = 4) -> dict[str, Any]:
    """Ours. Blocking: `seconds` and half a minute. The engine admits `spare` calls more than are played at once."""
    with engine(calls + spare) as running:
        lines = Lines(play, running, calls, seconds)
        samples = asyncio.run(_watch_ours(running, lines, seconds))
        played = lines.result()
    row = figures("welcomedly", calls, seconds, samples, played)
    counted = {name: after - samples[0].counted.get(name, 0.0) for name, after in samples[-1].counted.items()}
    return row | {
        "ears": _ears(counted, samples),
        "text_models_s_per_call_s": round(
            _of(counted, "welcomedly_onnx_seconds_sum", model="reader") / call_seconds(samples, played), 4
        ),
        "rtp": {
            fate: int(_of(counted, "welcomedly_rtp_packets_total", fate=fate)) for fate in ("played", "late", "lost")
        },
    }


async def _watch_ours(running: Running, lines: Lines, seconds: float) -> list[Sample]:
    async with aiohttp.ClientSession() as http:

        async def sample(at_s: float) -> Sample:
            return Sample(at_s, usage(running.pid), machine_seconds(), await _counted(http, running.url))

        return await watch(sample, lines, seconds)


async def watch(sample: Callable[[float], Awaitable[Sample]], lines: Lines, seconds: float) -> list[Sample]:
    """Lets the lines go. The first sample is taken just before, the last when the time is over."""
    samples = [msgspec.structs.replace(await sample(0.0), yardstick_ms=yardstick_ms())]
    began = time.monotonic()
    lines.go()
    while (at_s := time.monotonic() - began) < seconds:
        await asyncio.sleep(min(SAMPLE_S, seconds - at_s))
        samples.append(await sample(time.monotonic() - began))
    samples[-1] = msgspec.structs.replace(samples[-1], yardstick_ms=yardstick_ms())
    return samples


async def _counted(http: aiohttp.ClientSession, url: str) -> Counted:
    async with http.get(f"{url}/metrics") as answer:
        text = await answer.text()
    return {
        _key(sample.name, sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created"))
    }


def figures(name: str, calls: int, seconds: float, samples: Sequence[Sample], played: Played) -> dict[str, Any]:
    """What every engine's row has. CPU time is what was used while the lines played, by second of a call."""
    first, last = samples[0], samples[-1]
    call_s = call_seconds(samples, played)
    cpu_s = {name: used - first.usage.cpu_s.get(name, 0.0) for name, used in last.usage.cpu_s.items()}
    resident = [total(sample.usage.rss_mb) for sample in samples[len(samples) // 2 :]]
    foreign_s = last.machine_s - first.machine_s - total(cpu_s) - played.cpu_s
    row = {
        "engine": name,
        "calls_at_once": calls,
        "seconds": seconds,
        "calls": len(played.calls),
        "refused": played.refused,
        "cut_short": sum(call.ended != "bye" for call in played.calls),
        **heard(played.calls),
        "cpu_s_per_call_s": {name: round(used / call_s, 4) for name, used in sorted(cpu_s.items())}
        | {"all": round(total(cpu_s) / call_s, 4)},
        "cores_used": round(total(cpu_s) / last.at_s, 3),
        "lines_cores_used": round(played.cpu_s / last.at_s, 3),
        "foreign_cores": round(foreign_s / last.at_s, 3),
        "yardstick_ms": round((first.yardstick_ms + last.yardstick_ms) / 2, 1),
        "rss_mb": round(statistics.median(resident), 1),
        "rss_mb_by_process": {name: round(used, 1) for name, used in last.usage.rss_mb.items()},
        "history": [
            {"at_s": round(sample.at_s, 1), "rss_mb": {name: round(mb, 1) for name, mb in sample.usage.rss_mb.items()}}
            for sample in samples
        ],
    }
    return row | {"lag_flat": flat(row), "sustained": keeps([row])}


def call_seconds(samples: Sequence[Sample], played: Played) -> float:
    """Of all calls together, while the samples were taken."""
    until = samples[-1].at_s
    return sum(max(0.0, min(call.began_s + call.seconds, until) - call.began_s) for call in played.calls)


def _ears(counted: Counted, samples: Sequence[Sample]) -> dict[str, Any]:
    """Windows run and shed by reason, how long they took, how late finals were while they waited."""
    jobs: dict[str, dict[str, int]] = {}
    for name, number in counted.items():
        if name.startswith("welcomedly_ears_jobs_total{") and number:
            labels = dict(part.split("=") for part in name.partition("{")[2].rstrip("}").split(","))
            jobs.setdefault(labels["kind"], {})[labels["outcome"]] = int(number)
    runs = {
        kind: round(1000 * _of(counted, "welcomedly_ears_run_seconds_sum", kind=kind) / outcomes["run"], 1)
        for kind, outcomes in jobs.items()
        if outcomes.get("run")
    }
    late = [_of(sample.counted, "welcomedly_ears_finals_late_seconds") for sample in samples[1:]]
    load = [_of(sample.counted, "welcomedly_ears_load") for sample in samples[1:]]
    return {
        "jobs": jobs,
        "run_ms_mean": runs,
        "load_mean": round(statistics.mean(load), 3),
        "finals_late_s_worst_sample": round(max(late), 3),
    }


def _of(counted: Mapping[str, float], name: str, **labels: str) -> float:
    return counted.get(_key(name, labels), 0.0)


def _key(name: str, labels: Mapping[str, str]) -> str:
    return f"{name}{{{','.join(f'{key}={value}' for key, value in sorted(labels.items()))}}}"

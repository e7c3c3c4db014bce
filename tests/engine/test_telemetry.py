"""No word and no digits reach the logs; the list of metrics is closed."""

import asyncio
import io
import json
import logging

import msgspec
import pytest
import structlog

from engine.errors import Overloaded
from engine.ports.hearing import Headroom, Heard, ListenJob
from engine.settings import Settings
from engine.telemetry import AUDIT, METRICS, Metrics, bound_contextvars, redact, set_up_logs


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("4111 1111 1111 1111", "[number]"),
        ("card 4111-1111-1111-1111.", "card [number]."),
        ("call +57 300 123 4567 back", "call [number] back"),
        ("127.0.0.1:5060", "127.0.0.1:5060"),
        ("0193a1b2-7c3d-7e4f-8a5b-123456789012", "0193a1b2-7c3d-7e4f-8a5b-123456789012"),
        ("2026-11-24T13:00:00.123456", "2026-11-24T13:00:00.123456"),
        ("5 calls in 300 ms", "5 calls in 300 ms"),
        (b"INVITE", "[6 bytes]"),
        ({"text": "hola", "seq": 4}, {"text": "[4 withheld]", "seq": 4}),
        (["4111111111111111", 1.5, None], ["[number]", 1.5, None]),
    ],
)
def test_digits_go_and_addresses_stay(value: object, shown: object) -> None:
    assert redact(None, "", {"found": value}) == {"found": shown}


def test_words_are_withheld_by_their_key() -> None:
    assert redact(None, "", {"quote": "no quiero pagar", "Password": 7}) == {
        "quote": "[15 withheld]",
        "Password": "[withheld]",
    }


def test_a_log_line_is_json_with_its_call_and_without_the_words_of_an_error(
    logs: io.StringIO,
) -> None:
    with bound_contextvars(call_id="call-1"):
        try:
            int("cuatro uno uno uno")
        except ValueError:
            structlog.get_logger("test").exception("not a number", text="cuatro uno")
    logging.getLogger("a.library").warning("card %s", "4111111111111111")
    first, second = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert (first["event"], first["call_id"], first["level"]) == ("not a number", "call-1", "error")
    assert "ValueError" in first["exception"]
    assert "cuatro" not in str(first)
    assert second["event"] == "card [number]"


async def test_what_failed_in_a_group_of_tasks_is_told_each_with_its_place(logs: io.StringIO) -> None:
    async def hears() -> None:
        int("cuatro uno uno uno")

    async def commits() -> None:
        raise Overloaded("the store cannot write")

    async def serves() -> None:
        async with asyncio.TaskGroup() as tasks:
            for work in (hears, commits):
                tasks.create_task(work())

    try:
        await asyncio.create_task(serves())  # before 3.13 a group leaves its task asked to cancel
    except ExceptionGroup:
        structlog.get_logger("test").exception("call.failed")
    told = json.loads(logs.getvalue())["exception"]
    assert "ExceptionGroup" in told
    assert "in hears\nValueError\n" in told
    assert "in commits\nOverloaded: the store cannot write" in told
    assert "cuatro" not in told


def test_a_line_that_cannot_be_written_is_lost_and_not_printed_raw(
    logs: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.close()
    logging.getLogger("a.library").warning("card %s", "4111111111111111")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("level", ["debug", "warning", "error"])
def test_who_heard_what_is_written_at_every_level(logs: io.StringIO, level: str) -> None:
    set_up_logs(Settings.model_validate({"log_format": "json", "log_level": level}), logs)
    structlog.get_logger("another").info("call.begun")
    structlog.get_logger(AUDIT).info("recording.read", call_id="call-1", by="user-root")
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [line["event"] for line in lines if line["logger"] == AUDIT] == ["recording.read"]
    assert any(line["logger"] == "another" for line in lines) == (level == "debug")


def test_metrics_are_a_closed_list_and_described() -> None:
    metrics = Metrics()
    metrics.count("facts_total", type="transcript")
    metrics.set("calls_live", 2)
    metrics.committed(0.002, 3)
    text = metrics.text().decode()
    assert 'welcomedly_facts_total{type="transcript"} 1.0' in text
    assert "welcomedly_store_group_writes_sum 3.0" in text
    with pytest.raises(KeyError):
        metrics.count("surprises_total")
    for metric in METRICS:
        assert metric.help.endswith(".")
        assert f"welcomedly_{metric.name}" in text or metric.labels


def test_what_ears_and_rtp_tell_is_counted() -> None:
    metrics = Metrics()
    headroom = Headroom(up=True, load=0.75, finals_late_ms=250.0, partials=True)
    metrics.watch_ears(lambda: headroom, lambda: 2, lambda: True)
    job = ListenJob(1, "call-1", "1", 0, "final", due=0.0)
    metrics.heard(job, Heard(1, "hola", "es", run_ms=500.0))
    metrics.heard(msgspec.structs.replace(job, kind="partial"), Heard(1, "", "es", shed="late"))
    metrics.rtp("lost", 3)
    text = metrics.text().decode()
    for line in (
        "welcomedly_ears_load 0.75",
        "welcomedly_ears_finals_late_seconds 0.25",
        "welcomedly_ears_starts 2.0",
        "welcomedly_ears_on_gpu 1.0",
        'welcomedly_ears_jobs_total{kind="final",outcome="run"} 1.0',
        'welcomedly_ears_jobs_total{kind="partial",outcome="late"} 1.0',
        'welcomedly_ears_run_seconds_sum{kind="final"} 0.5',
        'welcomedly_rtp_packets_total{fate="lost"} 3.0',
    ):
        assert line in text

"""How long it takes to understand an utterance, while nothing else runs and while Whisper has every core.

    python -m benchmarks latency.understanding

The chain of a final: both encoders on the text and its sentences, speech acts and the rules of a country, the search
for an article. (A call reads a text that goes on from the one before it behind that, too, so it costs a little more.)
`ours` are sessions as the product opens them, `default` the same chain in the same process on sessions as ONNX Runtime
opens them, by turns with ours. Texts are the held-back ideas, one after the other. The cores are taken by `ears`
itself, as the engine starts it, with twice as many windows on their way as cores. `one_program` is the default chain
where Whisper runs in threads of the same process, as faster-whisper's users have it: a thread a core, each with the
next window at once. How many windows were heard meanwhile stands beside both; where hearing fails there is no figure.
"""

import asyncio
import datetime
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
from faster_whisper import WhisperModel

from benchmarks.turns import MODELS, held
from engine.ports.hearing import ListenJob
from engine.ports.reading import KnowledgeSearch, TextReader
from models.catalogue import WHISPER_BASE
from models.compliance import CallContext, Judge, JudgedTurn, Rule, load_rules
from models.ears_client import EarsClient, EarsSettings
from models.embed import Encoder
from models.installation import location
from models.knowledge import Encoders, Knowledge, load_weights
from models.onnx_session import OnnxSession, Opener, open_session
from models.reader import OnnxTextReader
from models.training.corpus import Row
from models.tuned.encoder import NeedEncoder
from pipelines import demo
from pipelines.knowledge_bases import bundled_bases

UTTERANCES = 400
PAUSE_S = 0.03
"""Between utterances, so that a session's spinning is over as it would be in calls."""
WINDOW_S = 8
WARM_S = 2.0
"""From the first window until the cores are taken."""
TURNS_A_CALL = 40


class Chain:
    """What happens to a final's words. One judge for every so many of them: a call."""

    def __init__(self, reader: TextReader, search: KnowledgeSearch, rules: Sequence[Rule]) -> None:
        self._reader, self._search, self._rules = reader, search, rules
        self._turn = 0
        self._judge = self._fresh()

    def _fresh(self) -> Judge:
        return Judge(self._rules, CallContext("US", "", "collections", "outbound", "en", datetime.date(2026, 6, 1)))

    def understand(self, row: Row) -> float:
        """Milliseconds of wall time."""
        begun = time.perf_counter()
        reading = self._reader.read(row.text)
        at = self._turn % TURNS_A_CALL * 4_000
        self._judge.hear(JudgedTurn(self._turn, "1", "agent", row.text, at, at + 3_000, row.language, reading))
        if reading.intents and reading.views is not None:
            self._search.search(row.text, reading.views, language=row.language)
        spent = (time.perf_counter() - begun) * 1000
        self._turn += 1
        if self._turn % TURNS_A_CALL == 0:
            self._judge = self._fresh()
        return spent


def default_session(model: Path | bytes) -> OnnxSession:
    """As ONNX Runtime opens it: a thread a core, spinning."""
    source = str(model) if isinstance(model, Path) else model
    return cast(OnnxSession, onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"]))


async def measure() -> dict[str, Any]:
    rows = [row for _, some in held() for row in some]
    random.Random(5).shuffle(rows)
    rules = await asyncio.to_thread(load_rules)
    chains = {
        "ours": Chain(OnnxTextReader(MODELS), _search(), rules),
        "default": Chain(OnnxTextReader(MODELS, opener=default_session), _search(default_session), rules),
    }
    idle = await _each(chains, rows[:UTTERANCES])
    async with saturated() as windows:
        begun = time.monotonic()
        busy = await _each(chains, rows[UTTERANCES : 2 * UTTERANCES])
        beside = rate(windows, begun, time.monotonic())
    with one_program() as windows:
        begun = time.monotonic()
        together = await _each({"default": chains["default"]}, rows[UTTERANCES : 2 * UTTERANCES])
        within = rate(windows, begun, time.monotonic())
    alone = chains["ours"]
    begun = time.process_time()
    for row in rows[:UTTERANCES]:
        alone.understand(row)
    a_core = UTTERANCES / (time.process_time() - begun)
    return {
        "idle_ms": idle,
        "saturated_ms": busy | {"one_program": together["default"]},
        "windows_a_second": {"ears": beside, "one_program": within},
        "default_to_ours_p99_saturated": round(busy["default"]["p99"] / busy["ours"]["p99"], 2),
        "one_program_to_ours_p99": round(together["default"]["p99"] / busy["ours"]["p99"], 2),
        "utterances_a_second_a_core": round(a_core, 1),
    }


def _search(opener: Opener = open_session) -> KnowledgeSearch:
    encoders = Encoders(Encoder(MODELS, opener), NeedEncoder(MODELS, opener))
    return Knowledge(bundled_bases()["sales"], encoders, load_weights())


async def _each(chains: dict[str, Chain], rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    spent: dict[str, list[float]] = {name: [] for name in chains}
    for row in rows:
        for name, chain in chains.items():
            spent[name].append(await asyncio.to_thread(chain.understand, row))
            await asyncio.sleep(PAUSE_S)
    return {name: _percentiles(one) for name, one in spent.items()}


def _percentiles(spent: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(spent, [50, 95, 99])
    return {"p50": round(p50, 1), "p95": round(p95, 1), "p99": round(p99, 1), "worst": round(max(spent), 1)}


@asynccontextmanager
async def saturated() -> AsyncIterator[list[float]]:
    """All cores hear windows of a demo call, until the block is left; yields when each was heard, as they come.

    What hearing raises ends the block, in an `ExceptionGroup`. A window that was shed is none.
    """
    ears = EarsClient(EarsSettings(weights=location(WHISPER_BASE, MODELS)))
    await ears.start()
    sound = np.repeat(demo.load_call("es").sound[1], 2)
    heard: list[float] = []
    number = 0

    async def hear() -> None:
        nonlocal number
        while True:
            number += 1
            start = number * WINDOW_S * 16_000 % (len(sound) - WINDOW_S * 16_000)
            job = ListenJob(number, f"c{number}", "1", 1, "final", time.monotonic() + 10, "es")
            if not (await ears.listen(job, sound[start : start + WINDOW_S * 16_000])).shed:
                heard.append(time.monotonic())

    try:
        await ears.ready()
        async with asyncio.TaskGroup() as group:
            hearing = [group.create_task(hear()) for _ in range(2 * (os.cpu_count() or 1))]
            await asyncio.sleep(WARM_S)
            yield heard
            for task in hearing:
                task.cancel()
    finally:
        await ears.close()


@contextmanager
def one_program() -> Iterator[list[float]]:
    """The same windows in threads of this process, until the block is left, and when each was heard. Raises then what
    a thread raised."""
    weights = str(location(WHISPER_BASE, MODELS))
    cores = os.cpu_count() or 1
    model = WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=1, num_workers=cores)
    sound = np.repeat(demo.load_call("es").sound[1], 2).astype(np.float32) / 32768
    heard: list[float] = []
    over = threading.Event()

    def hear(number: int) -> None:
        while not over.is_set():
            start = number * WINDOW_S * 16_000 % (len(sound) - WINDOW_S * 16_000)
            segments, _ = model.transcribe(sound[start : start + WINDOW_S * 16_000], language="es", beam_size=1)
            for _ in segments:  # read as they are made
                pass
            heard.append(time.monotonic())
            number += cores

    with ThreadPoolExecutor(cores) as pool:
        hearing = [pool.submit(hear, number) for number in range(cores)]
        try:
            yield heard
        finally:
            over.set()
        for one in hearing:
            one.result()


def rate(heard: Sequence[float], begun: float, ended: float) -> float:
    """Windows a second in that time. Raises `RuntimeError` when there was none: then nobody had the cores."""
    windows = sum(begun <= at <= ended for at in heard)
    if not windows:
        raise RuntimeError("no window was heard meanwhile: the cores were not taken")
    return round(windows / (ended - begun), 2)


def cell() -> dict[str, Any]:
    result = asyncio.run(measure())
    for name in ("idle_ms", "saturated_ms"):
        for way, row in result[name].items():
            figures = "".join(f" {key} {row[key]:>7}" for key in ("p50", "p95", "p99"))
            print(f"{name.removesuffix('_ms'):<10}{way:<12}{figures} ms")
    windows = " · ".join(f"{name} {count}" for name, count in result["windows_a_second"].items())
    print(f"windows of {WINDOW_S} s heard meanwhile, a second: {windows}")
    print(f"{result['utterances_a_second_a_core']} utterances a second and core")
    return result


CELLS = {"latency.understanding": cell}

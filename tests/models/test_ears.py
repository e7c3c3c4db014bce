"""The process `ears` as the engine uses it: real weights, real signals."""

import asyncio
import os
import select
import shutil
import signal
import sys
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import ctranslate2
import msgspec
import numpy as np
import pytest

from engine.child import Watch
from engine.errors import EarsClosed, Invalid, StartupError, WeightsMissing
from engine.facts import Pcm16
from engine.ports.hearing import Heard, ListenJob, ListenKind
from models.catalogue import WHISPER_BASE
from models.ears_client import EarsClient, EarsSettings
from models.ears_process import widest_vectors
from models.installation import install
from tests.virtual_time import VirtualTime

ROOT = Path(__file__).parent.parent.parent
CLIP = ROOT / "tests" / "data" / "ears" / "good_question.wav"
WORDS = "Good question. Let me check that for you."


@pytest.fixture(scope="module")
def weights(weights_dir: Path) -> Path:
    return install(WHISPER_BASE, weights_dir)


@pytest.fixture(scope="module")
def clip() -> Pcm16:
    with wave.open(str(CLIP)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


@pytest.fixture
async def ears(weights: Path) -> AsyncIterator[EarsClient]:
    client = EarsClient(EarsSettings(weights, workers=1))
    await client.start()
    yield client
    await client.close()


def job(number: int, kind: ListenKind = "final", stream: str = "1") -> ListenJob:
    due = time.monotonic() + 60
    return ListenJob(job=number, call_id="c", stream=stream, segment=number, kind=kind, due=due, language="en")


async def test_it_hears_and_leaves_no_process_behind(ears: EarsClient, clip: Pcm16) -> None:
    heard = await ears.listen(job(1), clip)
    assert heard.text == WORDS
    assert heard.language == "en"
    assert heard.confidence > 0.5
    assert heard.run_ms > 0
    assert ears.device in ("cpu", "cuda")
    assert ears.headroom().up
    pid = ears.pid
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    await ears.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_a_leg_speaks_is_believed_on_from_segment_to_segment(ears: EarsClient, clip: Pcm16) -> None:
    spanish = msgspec.structs.replace(job(1), language="es")
    first = await ears.listen(spanish, clip)
    second = await ears.listen(msgspec.structs.replace(spanish, job=2, segment=2), clip)
    assert (first.language, second.language) == ("en", "en")
    assert 0.5 < first.belief["en"] < second.belief["en"]
    ears.forget("c")
    assert (await ears.listen(msgspec.structs.replace(spanish, job=3), clip)).belief == first.belief


async def test_finals_outlive_a_killed_process(weights: Path, clip: Pcm16) -> None:
    states: asyncio.Queue[bool] = asyncio.Queue()
    client = EarsClient(EarsSettings(weights, workers=1), on_change=states.put_nowait)
    await client.start()
    try:
        assert await states.get()
        finals = [asyncio.create_task(client.listen(job(number), clip)) for number in (1, 2)]
        partial = asyncio.create_task(client.listen(job(3, "partial", stream="2"), clip))
        await asyncio.sleep(0)
        killed = client.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert not await states.get()
        assert not client.headroom().up
        assert (await partial).shed == "ears_lost"
        assert [heard.text for heard in await asyncio.gather(*finals)] == [WORDS, WORDS]
        assert await states.get()
        assert client.pid != killed
    finally:
        await client.close()


async def test_finals_outlive_a_process_that_hangs(weights: Path, clip: Pcm16) -> None:
    states: asyncio.Queue[bool] = asyncio.Queue()
    client = EarsClient(EarsSettings(weights, workers=1), on_change=states.put_nowait)
    passing = VirtualTime()
    client._process.watch = Watch(passing, passing.sleep)
    await client.start()
    try:
        assert await states.get()
        stopped = client.pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        final = asyncio.create_task(client.listen(job(1), clip))
        passing.goes.set()
        assert not await states.get()
        passing.goes.clear()
        assert (await final).text == WORDS
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)
    finally:
        await client.close()


async def test_a_cancelled_job_that_waits_comes_back_unheard(ears: EarsClient, clip: Pcm16) -> None:
    waiting = asyncio.create_task(ears.listen(job(1, "speculation"), clip))
    await asyncio.sleep(0)
    ears.cancel(1)
    assert (await waiting).shed == "cancelled"


async def test_words_in_doubt_harm_nobody_whose_listener_fails_and_reach_nobody_who_has_gone(
    ears: EarsClient, clip: Pcm16
) -> None:
    shown: list[str] = []

    def fails(heard: Heard) -> None:
        shown.append(heard.text)
        raise RuntimeError

    doubted = Heard(job=1, text="Good quest", language="en")
    listening = asyncio.create_task(ears.listen(job(1), clip, fails))
    await asyncio.sleep(0)  # the job is on its way
    ears.drafted(doubted)
    assert shown == ["Good quest"]
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    ears.drafted(doubted)
    assert shown == ["Good quest"]
    assert (await ears.listen(job(2, stream="2"), clip, fails)).text == WORDS
    assert ears.starts == 1


async def test_a_promoted_job_is_answered_once(ears: EarsClient, clip: Pcm16) -> None:
    first = asyncio.create_task(ears.listen(job(1), clip))
    following = asyncio.create_task(ears.listen(job(2, "speculation"), clip))
    await asyncio.sleep(0)
    ears.promote(2, time.monotonic() + 0.5)
    ears.promote(99, 0.0)
    assert (await first).text == WORDS
    assert not (await following).shed


async def test_closing_tells_who_listens(weights: Path, clip: Pcm16) -> None:
    client = EarsClient(EarsSettings(weights, workers=1))
    await client.start()
    listening = asyncio.create_task(client.listen(job(1), clip))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(EarsClosed):
        await listening
    with pytest.raises(EarsClosed):
        await client.listen(job(2), clip)


async def test_it_does_not_outlive_a_killed_engine(weights: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from models.ears_client import EarsClient, EarsSettings\n"
        "async def main():\n"
        "    client = EarsClient(EarsSettings(Path(sys.argv[1])))\n"
        "    await client.start()\n"
        "    await client.ready()\n"
        "    print('heard by', client.pid, flush=True)\n"
        "    await asyncio.to_thread(sys.stdin.read)\n"
        "asyncio.run(main())\n"
    )
    engine = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(weights)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert engine.stdout is not None
    await engine.stdout.readuntil(b"heard by ")  # after what is logged
    ears = os.pidfd_open(int(await engine.stdout.readline()))
    engine.kill()
    await engine.wait()
    ended, _, _ = await asyncio.to_thread(select.select, [ears], [], [], 10)
    os.close(ears)
    assert ended


async def test_a_window_of_nothing_is_refused(ears: EarsClient) -> None:
    with pytest.raises(Invalid):
        await ears.listen(job(1), np.zeros(0, np.int16))


async def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="models install"):
        await EarsClient(EarsSettings(tmp_path)).start()


async def test_a_model_that_cannot_be_loaded_is_said(weights: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(weights / name, tmp_path)
    (tmp_path / "model.bin").write_bytes(b"no model")
    client = EarsClient(EarsSettings(tmp_path, workers=1))
    await client.start()
    try:
        with pytest.raises(StartupError, match="cannot load"):
            await client.ready()
        assert not client.headroom().up
    finally:
        await client.close()


@pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")
async def test_a_gpu_that_is_not_there_is_no_cpu(weights: Path) -> None:
    client = EarsClient(EarsSettings(weights, workers=1, device="cuda"))
    await client.start()
    try:
        with pytest.raises(StartupError, match="cannot load"):
            await client.ready()
        assert (client.headroom().up, client.device) == (False, "")
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("flags", "environment", "wanted"),
    [
        ("fma avx2 avx512f avx512cd avx512vl avx512bw avx512dq", {}, {"CT2_FORCE_CPU_ISA": "AVX512"}),
        ("fma avx2 avx512f avx512cd", {}, {}),
        ("fma avx2", {}, {}),
        ("fma avx2 avx512f avx512cd avx512vl avx512bw avx512dq", {"CT2_FORCE_CPU_ISA": "AVX2"}, {}),
    ],
)
def test_the_widest_vectors_that_the_processor_has_are_used(
    tmp_path: Path, flags: str, environment: dict[str, str], wanted: dict[str, str]
) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbogomips\t: 1\n")
    assert widest_vectors(environment, cpu) == wanted


def test_where_no_processor_is_told_of_nothing_is_forced(tmp_path: Path) -> None:
    assert widest_vectors({}, tmp_path / "cpuinfo") == {}

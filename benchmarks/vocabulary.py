"""What a campaign's vocabulary gains, and what it costs: on the demo calls and on sentences that are full of names.

Each scripted turn is heard whole, as a final, in four ways: as it is, corrected by sound, decoded a second time behind
the terms where that is likelier (`VOCABULARY_PROMPT`), and both. Recall: of the terms that were said, those that were
written. Inserted: terms written that nobody said, per 1,000 words of the script. WER in lower case without punctuation.
The sentences (`tests/data/vocabulary`) were read by Kokoro-82M, an open voice with an accent, and sent through Opus at
8 kHz; of each language the second half, with terms of its own, was not looked at while the thresholds were set.
"""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jiwer
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import CALLS, normalised, read
from benchmarks.display import training_sentences
from engine.facts import Pcm16
from engine.ports.hearing import ListenJob
from engine.vocabulary import Term
from models.catalogue import WHISPER_BASE
from models.decoding import RATE_HZ, Decoding
from models.installation import install
from models.vocabulary import Corrector
from models.whisper import Whisper

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "vocabulary"
MARGIN_MS = 200
DEMO_TERMS = {
    "demo_es_cobranza": ("Andrea Rojas", "banco Horizonte", "Julián Peña", "acuerdo de pago", "intereses de mora"),
    "demo_pt_sac": ("Conecta Fibra", "Marina", "CPF", "modem", "protocolo", "próxima fatura"),
    "demo_en_sales": ("Bright Path Energy", "Daniel Brooks", "Carter", "solar plan", "installation cost"),
}
WAYS = ("as heard", "corrected", "prompted", "both")


class Turn(msgspec.Struct, frozen=True):
    leg: str
    start_ms: int
    end_ms: int
    text: str


class Script(msgspec.Struct, frozen=True):
    id: str
    language: str
    legs: tuple[str, ...]
    turns: tuple[Turn, ...]
    vocabulary: tuple[Term, ...] = ()


class Figures(msgspec.Struct, frozen=True):
    said: int
    """Terms in the script."""
    recall: float
    """Percent."""
    inserted: float
    """Per 1,000 words."""
    wer: float
    """Percent."""


def cell() -> dict[str, Any]:
    """Every set in every way, for `python -m benchmarks`."""
    weights = install(WHISPER_BASE, Path("data/models"))
    plain, prompted = (Whisper(weights, device="cpu", decoding=Decoding(prompted=one)) for one in (False, True))
    result: dict[str, Any] = {}
    for recording in [*sorted(SENTENCES.glob("*.ogg")), *sorted(CALLS.glob("*.flac"))]:
        script = msgspec.json.decode(recording.with_suffix(".json").read_bytes(), type=Script)
        terms = script.vocabulary or tuple(Term(text) for text in DEMO_TERMS[script.id])
        halves = {"": slice(None)}
        if recording.parent == SENTENCES:
            half = len(script.turns) // 2
            halves = {" seen": slice(half), " unseen": slice(half, None)}
        heard = {
            "as heard": _hear(plain, script, recording, ""),
            "prompted": _hear(prompted, script, recording, _prompt(terms)),
        }
        corrector = Corrector(terms)
        for way, source in (("corrected", "as heard"), ("both", "prompted")):
            heard[way] = [(corrector.correct(text, script.language, sure).text, sure) for text, sure in heard[source]]
        for name, part in halves.items():
            said = [turn.text for turn in script.turns[part]]
            result[script.id + name] = {
                way: msgspec.to_builtins(figures(said, [text for text, _ in heard[way][part]], terms)) for way in WAYS
            }
    Console().print(_table(result))
    ordinary = {path.stem: _inserted(path) for path in sorted(SENTENCES.glob("*.json"))}
    print(f"inserted into 1,000 words of the training sentences: {ordinary}")
    return {"recordings": result, "inserted_into_training_sentences": ordinary}


CELLS = {"accuracy.vocabulary": partial(cell)}


def figures(said: Sequence[str], heard: Sequence[str], terms: Sequence[Term]) -> Figures:
    """Turn by turn; a term counts where all of its words stand, in whatever case."""
    due = found = inserted = 0
    for script, words in zip(said, heard, strict=True):
        for term in terms:
            wanted, got = _count(term.text, script), _count(term.text, words)
            due += wanted
            found += min(wanted, got)
            inserted += max(0, got - wanted)
    reference, hypothesis = [normalised(one) for one in said], [normalised(one) for one in heard]
    words_said = sum(len(one.split()) for one in reference)
    return Figures(
        said=due,
        recall=round(100 * found / due, 1) if due else 100.0,
        inserted=round(1000 * inserted / words_said, 2),
        wer=round(100 * jiwer.wer(reference, hypothesis), 1),
    )


def _inserted(path: Path) -> float:
    """Terms that corrections put into sentences in which nobody said one, per 1,000 words."""
    script = msgspec.json.decode(path.read_bytes(), type=Script)
    corrector, sentences = Corrector(script.vocabulary), training_sentences(script.language)
    inserted = sum(len(corrector.correct(one, script.language, 0.8).corrections) for one in sentences)
    return round(1000 * inserted / sum(len(one.split()) for one in sentences), 3)


def _count(term: str, text: str) -> int:
    return len(re.findall(rf"\b{re.escape(normalised(term))}\b", normalised(text)))


def _prompt(terms: Sequence[Term]) -> str:
    return Corrector(terms).prompt


def _hear(whisper: Whisper, script: Script, recording: Path, prompt: str) -> list[tuple[str, float]]:
    """Words and confidence of each turn."""
    sound = read(recording)
    return [_hear_turn(whisper, script, turn, sound, prompt) for turn in script.turns]


def _hear_turn(whisper: Whisper, script: Script, turn: Turn, sound: Pcm16, prompt: str) -> tuple[str, float]:
    start, end = max(0, turn.start_ms - MARGIN_MS), turn.end_ms + MARGIN_MS
    pcm = sound[script.legs.index(turn.leg), start * RATE_HZ // 1000 : end * RATE_HZ // 1000]
    job = ListenJob(
        job=0, call_id="", stream="", segment=0, kind="final", due=0.0, language=script.language, prompt=prompt
    )
    heard = whisper.hear(job, np.ascontiguousarray(pcm))
    return heard.text, heard.confidence


def _table(result: dict[str, Any]) -> Table:
    table = Table(title="A campaign's vocabulary: recall % · inserted per 1,000 words · WER %")
    table.add_column("set")
    table.add_column("said", justify="right")
    for way in WAYS:
        table.add_column(way, justify="right")
    for name, ways in result.items():
        cells = [f"{one['recall']} · {one['inserted']} · {one['wer']}" for one in ways.values()]
        table.add_row(name, str(ways["as heard"]["said"]), *cells)
    return table

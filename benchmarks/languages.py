"""Which language a leg is taken to speak, how soon that is known, and what a change of language costs in words.

    python -m benchmarks languages.calls languages.prompts languages.switch

All through G.711, the segmenter and the real `ears`. `languages.calls`: the demo calls, in a campaign of their
language, of none, and of another. `languages.prompts`: human voices (Debian's Asterisk prompts) in a campaign without a
language, French and Italian too. `languages.switch`: legs that change language every three turns, against the same
turns each in a leg of its own language; and Spanish legs with one short English turn in them.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import jiwer
import msgspec
import numpy as np

from benchmarks.accuracy import Script, Turn, normalised
from benchmarks.debian import recordings
from benchmarks.listening import RATE_HZ, Listened, PacedEars, listened, read, real_ears, telephone_legs
from benchmarks.silence import CALLS
from engine.facts import Pcm16
from models.languages import likeliest
from pipelines.spoken import DECIDED, Spoken

DEMOS = {"es": "demo_es_cobranza", "pt": "demo_pt_sac", "en": "demo_en_sales"}
PROMPTS_EACH = 24
BLOCK = 3
"""Turns between two changes of language."""
SHORT_MS = 1500
MARGIN_MS = 150
PAUSE = np.zeros(RATE_HZ, np.int16)


class _Said(msgspec.Struct, frozen=True):
    language: str
    text: str
    sound: Pcm16


def calls() -> dict[str, Any]:
    return asyncio.run(_calls())


async def _calls() -> dict[str, Any]:
    result: dict[str, Any] = {}
    async with real_ears() as ears:
        for language, call in DEMOS.items():
            legs = telephone_legs(CALLS / f"{call}.flac")
            for campaign in (language, "", "en" if language == "es" else "es"):
                found = await listened(ears, legs, campaign, drafts=False)
                legs_found = {leg: _identified(found, leg, language, campaign) for leg in ("customer", "agent")}
                result[f"{language} in a campaign of {campaign or 'none'}"] = legs_found
    return result


def prompts() -> dict[str, Any]:
    return asyncio.run(_prompts())


async def _prompts() -> dict[str, Any]:
    result: dict[str, Any] = {}
    async with real_ears() as ears:
        for language in ("es", "en", "fr", "it"):
            paths = recordings(f"asterisk-core-sounds-{language}-wav")
            spoken = [path for path in paths if path.parent.name.startswith(f"{language}_")]
            chosen = spoken[:: len(spoken) // PROMPTS_EACH]
            leg = np.concatenate([part for path in chosen for part in (read(path), PAUSE)])
            result[language] = _identified(await listened(ears, [leg], "", drafts=False), "customer", language, "")
    return result


def _identified(found: Listened, leg: str, language: str, campaign: str) -> dict[str, Any]:
    finals = [final for final in found.finals if final.stream == leg and final.heard.text]
    right = [likeliest(final.heard.belief) == language for final in finals]
    sure = (final for final in finals if final.heard.belief.get(language, 0) >= DECIDED)
    first = next(sure, None)
    start_ms = finals[0].start_ms if finals else 0
    spoken = Spoken(campaign)
    return {
        "segments": len(finals),
        "right": round(sum(right) / max(1, len(right)), 3),
        "written_in_it": round(sum(final.heard.language == language for final in finals) / max(1, len(finals)), 3),
        "decided_after_s": None if first is None else round((first.end_ms - start_ms) / 1000, 1),
        "told": [told["language"] for final in finals if (told := spoken.decided(final))],
    }


def switch() -> dict[str, Any]:
    return asyncio.run(_switch())


async def _switch() -> dict[str, Any]:
    said = {language: list(_turns(call, language)) for language, call in DEMOS.items()}
    result: dict[str, Any] = {}
    async with real_ears() as ears:
        alone = {language: await _rates(ears, turns[: 2 * BLOCK], language) for language, turns in said.items()}
        result["each language alone"] = alone
        for order in (("es", "en"), ("pt", "en"), ("es", "pt")):
            blocks = [said[order[at % 2]][at // 2 * BLOCK : (at // 2 + 1) * BLOCK] for at in range(4)]
            turns = [turn for block in blocks for turn in block]
            result[" and ".join(order)] = await _rates(ears, turns, order[0])
        english = list(_turns(DEMOS["en"], "en", "customer"))
        result["a short English turn"] = await _visit(ears, said["es"], english)
    return result


async def _rates(ears: PacedEars, turns: Sequence[_Said], campaign: str) -> dict[str, Any]:
    """Errors over all turns, and words lost in the first turn after each change."""
    heard, languages = await _heard(ears, turns, campaign)
    wanted = [normalised(turn.text) for turn in turns]
    whole = jiwer.process_words(wanted, heard)
    after = [at for at in range(1, len(turns)) if turns[at].language != turns[at - 1].language]
    lost = jiwer.process_words([wanted[at] for at in after], [heard[at] for at in after]) if after else None
    return {
        "words": sum(len(text.split()) for text in wanted),
        "wer": round(100 * whole.wer, 1),
        "turns": len(turns),
        "written_in_their_language": sum(a == b.language for a, b in zip(languages, turns, strict=True)),
        "first_turns": len(after),
        "first_turns_wer": None if lost is None else round(100 * lost.wer, 1),
        "first_turns_words_deleted": None if lost is None else lost.deletions,
    }


async def _visit(ears: PacedEars, spanish: Sequence[_Said], english: Sequence[_Said]) -> dict[str, Any]:
    """Short English turns between Spanish ones: the leg goes on in Spanish."""
    short = [turn for turn in english if len(turn.sound) < (SHORT_MS + 2 * MARGIN_MS) * RATE_HZ // 1000][:3]
    flips = 0
    for visitor in short:
        turns = [*spanish[:3], visitor, *spanish[3:6]]
        _, languages = await _heard(ears, turns, "es")
        flips += sum(language != "es" for language in languages[4:])
    return {"visits": len(short), "spanish_turns_after_it_in_another_language": flips}


async def _heard(ears: PacedEars, turns: Sequence[_Said], campaign: str) -> tuple[list[str], list[str]]:
    """Words and language of each turn, by where its sound lies in the leg."""
    starts = np.cumsum([0, *(len(turn.sound) + len(PAUSE) for turn in turns)]) * 1000 // RATE_HZ
    leg = np.concatenate([part for turn in turns for part in (turn.sound, PAUSE)])
    found = await listened(ears, [leg], campaign, drafts=False)
    words: list[list[str]] = [[] for _ in turns]
    languages = [""] * len(turns)
    for final in found.finals:
        at = int(np.searchsorted(starts, (final.start_ms + final.end_ms) // 2, "right")) - 1
        words[at].append(final.heard.text)
        languages[at] = final.heard.language
    return [normalised(" ".join(texts)) for texts in words], languages


def _turns(call: str, language: str, leg: str = "agent") -> Iterator[_Said]:
    script = msgspec.json.decode((CALLS / f"{call}.json").read_bytes(), type=Script)
    legs = dict(zip(script.legs, telephone_legs(CALLS / f"{call}.flac"), strict=True))
    for turn in script.turns:
        if turn.leg == leg:
            yield _Said(language, turn.text, _cut(legs[leg], turn))


def _cut(leg: Pcm16, turn: Turn) -> Pcm16:
    return leg[max(0, turn.start_ms - MARGIN_MS) * RATE_HZ // 1000 : (turn.end_ms + MARGIN_MS) * RATE_HZ // 1000]


CELLS = {"languages.calls": calls, "languages.prompts": prompts, "languages.switch": switch}

"""How well compliance rules hear: recall and precision on fresh phrasings, as written and as recognition garbles them.

    python -m benchmarks.rules [FILE ...] [--misses]

A file holds sentences as `tests/data/compliance/phrasing` has them: rule → fire | quiet → language → what is said;
`act:NAME` in a rule's place judges one speech act, for which the sentences of every other act are quiet ones too. With
`--dialogues` whole quiet calls are judged: the share of them with an alert. Recall and precision stand with their 95 %
intervals (Wilson).
`clean` is the sentence as written. The other rows garble each sentence once, in a way that recognition does; the same
garbling whenever it runs. Sentences are judged by phrases alone (`benchmarks.turns` judges with the turn encoder too),
dialogues as the product judges them.
"""

import argparse
import math
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from engine.ports.reading import TextReader
from models.compliance import Judge, Rule, Verdict, load_detectors, load_rules
from models.compliance.checks import leg_of
from models.compliance.text import fold
from models.compliance.trials import fires
from models.reader import OnnxTextReader
from pipelines.replay import TranscriptCall, context_of, masked_turns, parse_line

ACT = "act:"
MODELS = Path("data/models")
DIALOGUES = Path(__file__).parent.parent / "tests" / "data" / "compliance" / "quiet.jsonl"
PHRASING = Path(__file__).parent.parent / "tests" / "data" / "compliance" / "phrasing"
Lines = list[str]
Garble = Callable[[str, random.Random], str | Lines]
_LONG = 6
_SPELT = (("b", "v"), ("s", "z"), ("c", "s"), ("ll", "y"), ("j", "g"), ("qu", "k"), ("m", "n"), ("i", "y"))


class Count(msgspec.Struct):
    found: int = 0
    missed: int = 0
    false: int = 0
    quiet: int = 0

    def add(self, fired: bool, wanted: bool) -> None:
        self.found += fired and wanted
        self.missed += wanted and not fired
        self.false += fired and not wanted
        self.quiet += not (fired or wanted)

    @property
    def recall(self) -> float:
        return round(self.found / max(self.found + self.missed, 1), 3)

    @property
    def precision(self) -> float:
        return round(self.found / max(self.found + self.false, 1), 3)

    def shown(self) -> tuple[str, ...]:
        recall = interval(self.found, self.found + self.missed)
        precision = interval(self.found, self.found + self.false)
        return (
            f"{self.recall:.3f} ({recall[0]:.2f}–{recall[1]:.2f})",
            f"{self.precision:.3f} ({precision[0]:.2f}–{precision[1]:.2f})",
            *map(str, (self.missed, self.found + self.missed, self.false, self.false + self.quiet)),
        )


def interval(hits: float, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of), (middle + spread) / (1 + z * z / of)


def plain(text: str, _: random.Random) -> str:
    """No accents, capitals or punctuation."""
    return " ".join(fold(word) for word in text.split())


def spelt(text: str, dice: random.Random) -> str:
    """One long word as it sounds: b for v, s for z, y for ll."""
    pairs = [one for pair in _SPELT for one in (pair, pair[::-1])]
    ways = [(word, a, b) for word in long_words(text) for a, b in pairs if a in word[1:]]
    if not ways:
        return text
    word, a, b = dice.choice(ways)
    return text.replace(word, word[0] + word[1:].replace(a, b, 1), 1)


def letter(text: str, dice: random.Random) -> str:
    """One long word with another vowel or consonant inside."""
    if not (words := long_words(text)):
        return text
    word = dice.choice(words)
    at = dice.randrange(1, len(word) - 1)
    kind = "aeiou" if fold(word[at]) in "aeiou" else "bdlmnprst"
    other = dice.choice([one for one in kind if one != fold(word[at])])
    return text.replace(word, word[:at] + other + word[at + 1 :], 1)


def gender(text: str, dice: random.Random) -> str:
    """One long word in the other gender."""
    words = [word for word in long_words(text) if word[-1] in "oa"]
    if not words:
        return text
    word = dice.choice(words)
    return text.replace(word, word[:-1] + ("a" if word[-1] == "o" else "o"), 1)


def parted(text: str, dice: random.Random) -> str:
    """One long word written as two."""
    if not (words := long_words(text)):
        return text
    word = dice.choice(words)
    at = dice.randrange(3, len(word) - 1)
    return text.replace(word, f"{word[:at]} {word[at:]}", 1)


def stumble(text: str, dice: random.Random) -> str:
    """A short word said twice."""
    words = text.split()
    short = [at for at, word in enumerate(words) if len(word) <= 3 and word.isalpha()]
    if not short:
        return text
    at = dice.choice(short)
    return " ".join([*words[: at + 1], *words[at:]])


def cut(text: str, dice: random.Random) -> Lines:
    """The sentence in two finals."""
    words = text.split()
    at = dice.randrange(1, len(words)) if len(words) > 1 else 1
    return [part for part in (" ".join(words[:at]) + ".", " ".join(words[at:])) if part != "."]


GARBLES: dict[str, Garble] = {
    "clean": lambda text, _: text,
    "plain": plain,
    "spelt": spelt,
    "letter": letter,
    "gender": gender,
    "parted": parted,
    "stumble": stumble,
    "cut": cut,
}


def long_words(text: str) -> list[str]:
    """Those that are no names and no masks."""
    words = re.findall(r"(?<!\[)\b[^\W\d_]+\b(?!\])", text)
    return [word for word in words if len(word) >= _LONG and word[0].islower()]


def cell(file: Path) -> dict[str, Any]:
    """One file's figures, for `python -m benchmarks`."""
    return {name: _figures(count) for name, count in measure(file).items()}


CELLS: dict[str, Callable[[], dict[str, Any]]] = {
    f"accuracy.rules.{path.stem}": partial(cell, path) for path in sorted(PHRASING.glob("*.yaml"))
}
CELLS["accuracy.rules.quiet_dialogues"] = lambda: dict(
    zip(("with_an_alert", "dialogues"), quiet_share(DIALOGUES), strict=True)
)


def measure(
    file: Path, note: Callable[[str], object] = lambda _: None, garbles: Mapping[str, Garble] = GARBLES
) -> dict[str, Count]:
    """Counts by garbling, and for the clean sentences by language and by class in a language. `note` is told of every
    mistake."""
    rules = {rule.id: rule for rule in load_rules()}
    counts: dict[str, Count] = {}
    for name, wanted, language, text in sentences(file):
        for garbling, garble in garbles.items():
            said = garble(text, random.Random(f"{garbling} {text}"))
            fired = _performs(name, said) if name.startswith(ACT) else _fires(rules[name], said, language)
            classes = (garbling, language, f"{name} {language}") if garbling == "clean" else (garbling,)
            for key in classes:
                counts.setdefault(key, Count()).add(fired, wanted)
            if fired is not wanted:
                note(f"{garbling} {name} {language} {'missed' if wanted else 'false'}: {said}")
    return counts


def sentences(file: Path) -> Iterator[tuple[str, bool, str, str]]:
    """Rule or act, whether it has to fire, language, sentence."""
    classes = yaml.safe_load(file.read_text("utf-8"))
    for name, sides in classes.items():
        for side, languages in sides.items():
            for language, texts in languages.items():
                for text in texts:
                    yield name, side == "fire", language, text
        for other in classes:
            if name.startswith(ACT) and other.startswith(ACT) and other != name and not _akin(name, other):
                for language, texts in classes[other]["fire"].items():
                    for text in texts:
                        yield name, False, language, text


def _akin(one: str, other: str) -> bool:
    """What asks for erasure may in the same breath object."""
    return all(name.removeprefix(ACT).startswith(("data_", "automated_")) for name in (one, other))


def _performs(act: str, said: str | Lines) -> bool:
    detectors = load_detectors()
    text = said if isinstance(said, str) else " ".join(line.rstrip(".") for line in said)
    return detectors[act.removeprefix(ACT)].find(detectors.fold(text)) is not None


def _fires(rule: Rule, said: str | Lines, language: str) -> bool:
    leg = leg_of(rule.checks[0])
    return fires(rule, said if isinstance(said, str) else [f"{leg}: {line}" for line in said], language)


def quiet_share(file: Path, note: Callable[[str], object] = lambda _: None) -> tuple[int, int]:
    """Dialogues with an alert, and all: calls in which nobody does anything that a rule is about."""
    alarmed, reader = 0, OnnxTextReader(MODELS)
    lines = file.read_bytes().splitlines()
    for line in lines:
        call = parse_line(line)
        judge = Judge(load_rules(), context_of(call))
        alerts = [verdict for verdict in _heard(judge, call, reader) if verdict.outcome in ("violation", "event")]
        alarmed += bool(alerts)
        for verdict in alerts:
            note(f"{call.id} {verdict.rule} {verdict.outcome} on turn {verdict.turn}: {verdict.quote}")
    return alarmed, len(lines)


def _heard(judge: Judge, call: TranscriptCall, reader: TextReader) -> list[Verdict]:
    verdicts: list[Verdict] = []
    turns = [msgspec.structs.replace(turn, reading=reader.read(turn.text)) for turn in masked_turns(call)]
    for turn in turns:
        verdicts += [*judge.tick(turn.start_ms), *judge.hear(turn)]
    return verdicts + judge.end(turns[-1].end_ms if turns else 0)


def _figures(count: Count) -> dict[str, float]:
    return {
        "recall": count.recall,
        "precision": count.precision,
        "fire": count.found + count.missed,
        "quiet": count.false + count.quiet,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(PHRASING.glob("*.yaml")))
    parser.add_argument("--misses", action="store_true", help="print every sentence or alert judged wrong")
    parser.add_argument("--dialogues", action="store_true", help="judge quiet dialogues (JSON lines), not sentences")
    arguments = parser.parse_args()
    note: Callable[[str], object] = (lambda line: print(line, file=sys.stderr)) if arguments.misses else lambda _: None
    if arguments.dialogues:
        for file in [path for path in arguments.files if path.suffix == ".jsonl"] or [DIALOGUES]:
            alarmed, of = quiet_share(file, note)
            low, high = interval(alarmed, of)
            print(f"{file.stem}: {alarmed} of {of} with an alert: {alarmed / of:.3f} ({low:.3f}–{high:.3f})")
        return
    for file in arguments.files:
        counts = measure(file, note)
        clean = counts["clean"]
        sizes = f"{clean.found + clean.missed} fire sentences and {clean.false + clean.quiet} quiet ones"
        table = Table(title=f"{file.stem}: rules on {sizes}")
        for name in ("", "recall (95 %)", "precision (95 %)", "missed", "of", "false", "of"):
            table.add_column(name, justify="right" if name else "left")
        for name, count in counts.items():
            table.add_row(name, *count.shown())
        Console().print(table)


if __name__ == "__main__":
    main()

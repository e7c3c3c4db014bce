from engine.quality import Answer, QualityItem, reviewed, scored


def item(name: str, answer: Answer, weight: float = 10, *, auto_fail: bool = False) -> QualityItem:
    return QualityItem(item=name, title=name, weight=weight, answer=answer, auto_fail=auto_fail)


def test_a_score_is_the_weight_of_what_was_done_of_what_applied() -> None:
    found = scored("f", 1, 80, [item("a", "yes", 30), item("b", "no"), item("c", "n_a", 50), item("d", "open", 50)])
    assert (found.score, found.passed, found.open) == (75.0, False, 1)


def test_an_item_that_fails_the_call_takes_all_of_it() -> None:
    found = scored("f", 1, 80, [item("a", "yes", 90), item("b", "no", auto_fail=True)])
    assert (found.score, found.passed, found.failed_by) == (0.0, False, ("b",))


def test_where_nothing_applied_there_is_no_score() -> None:
    found = scored("f", 1, 0, [item("a", "n_a"), item("b", "open")])
    assert found.score is None
    assert not found.passed


def test_a_review_counts_and_says_who_and_why() -> None:
    before = scored("f", 1, 80, [item("a", "yes", 30), item("b", "no")])
    after = reviewed(before, "b", "yes", "user-1", "he did, at the end")
    assert (after.score, after.passed) == (100.0, True)
    assert (after.items[1].reviewed_by, after.items[1].reason) == ("user-1", "he did, at the end")

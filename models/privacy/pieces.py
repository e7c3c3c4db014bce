"""One turn's text, cut into what is judged at once and the pieces of numbers that wait for judgement. Pure."""

import re
from collections.abc import Sequence

from models.privacy import written
from models.privacy.cues import Cue, folded
from models.privacy.emails import NAME_ALONE, emails
from models.privacy.entities import TYPE_OF, Entity
from models.privacy.foreign import KNOWN
from models.privacy.lexicon import CORRECTIONS, FILLERS, TURNING_WORDS, word_set
from models.privacy.masking import Mask
from models.privacy.misheard import is_glued, nearest_number
from models.privacy.named_dates import named_dates
from models.privacy.names import persons
from models.privacy.naming import (
    is_amount_on_a_card,
    is_count_in_a_name,
    is_given_out,
    is_month_or_year,
    is_of_an_order,
    is_told,
    name_along_with_a_card,
    name_around,
    name_of,
    still_said,
)
from models.privacy.numbers import Lexed, Run, lex
from models.privacy.parsed import Parsed, Piece
from models.privacy.prices import is_price
from models.privacy.quantities import Doubt, is_quantity
from models.privacy.readings import Part
from models.privacy.situation import CHATTY, DRAFT, TALK, Said, Situation, is_other, other_words
from models.privacy.streets import is_house_number
from models.privacy.tokens import Token
from models.privacy.units import NUMBERED
from models.privacy.written import Found

_BETWEEN = FILLERS | {"e", "y", "and"}
_LISTED = 2
"""So many digits beside a card are part of one."""
_ENDS_IN_ONE = re.compile(r"\b(?:es|e|is|it.?s|seria|final|ultimo|last)\W+(?:um|uma|un|uno|una|one|meia)\W*$")
_STOPS = re.compile(r"\s*[.,;…\-]")
_TERSE = 2
"""Beside a card, and where a PIN was asked for, even "uno" is a digit in a turn of so few words."""
_IDENTITY = 7
_DIGITS_OF_A_DOCUMENT = (7, 8)
"""Of a Spanish one, which has a letter behind them, and before them where they are seven."""
_CHECK_LETTER = re.compile(r"[\s,]*(?:gui[oó]n|raya|-)[\s,]*(?:ka?)\b|[a-z]\b", re.I)
"""Ends a Chilean number whose check digit is ten, and, right behind it, a Spanish one: "12345678H"."""
_GARBLE = 4
"""So many repetitions of one short word are a number that the recogniser could not hear."""
_SAID_OVER_AND_OVER = word_set(
    """
    no si ok yes sim nao ya ja ha hola alo hello oi que muy very muito bla la
    """
)
_UNNAMED = ("", "reference", "email", "dob", "card_expiry")
_OF_A_CARD = ("card", "cvv", "card_expiry")
_ANY_FORM = ("card", "cvv", "secret")
"""Kinds whose digits may be said like a year or a time right behind their name: "my card ends in 2019"."""
_CORRECTION_WORDS = 5
_TALK_IN_CAPTURE = 8
_LONG_PRICE = 6
"""Digits of a price that would be somebody's if nothing said what it is; shorter ones may go on."""


def parse(said: Said, cues: Sequence[Cue], situation: Situation) -> Parsed:
    if situation.awaits_digits and said.language and said.language not in KNOWN:
        # any word may be a digit here
        return Parsed((Mask(0, len(said.text), "number"),), (), (), 0, 0, corrects_before=False, corrects_after=False)
    awaited = situation.capture or situation.asked or situation.near_card
    terse = len(said.text.split()) <= _TERSE or said.turn == DRAFT
    guarded = situation.guarded or (
        (situation.near_card or situation.code) and (terse or _ENDS_IN_ONE.search(folded(said.text)) is not None)
    )
    listed = guarded or situation.code or situation.asked or said.turn == DRAFT
    lexed = lex(said.text, said.language, guarded=guarded, homophones=awaited, listed=listed)
    found = [
        *_emails(said, lexed, situation),
        *written.identifiers(said.text),
        *persons(said.text, answer=situation.name and said.leg != "agent"),
    ]
    found += written.spelled_identifiers(lexed, near_card=situation.capture or situation.near_card)
    found += named_dates(said, lexed, cues, situation)
    spans = [(one.start, one.end) for one in found if one.label != "person"]
    hidden = [one for one in found if one.label not in ("", "person")]
    pieces = _pieces(said, lexed, cues, situation, spans)
    return Parsed(
        tuple(Mask(one.start, one.end, one.label) for one in hidden),
        tuple(
            Entity(said.turn, TYPE_OF[one.label], one.start, one.end, one.score, value=one.value)
            for one in found
            if one.label
        ),
        tuple(pieces),
        other_words(lexed),
        _words_after(lexed, pieces[-1].end if pieces else 0),
        _turns(lexed, 0, pieces[0].start if pieces else 0),
        _turns(lexed, pieces[-1].end if pieces else 0, len(said.text)),
    )


def _emails(said: Said, lexed: Lexed, situation: Situation) -> list[Found]:
    """While a card is read, "visa guion cuatro cinco" is no name of an address: its digits are the card's."""
    groups = [group for run in lexed.runs for group in run.groups] if situation.capture or situation.near_card else []
    return [
        one
        for one in emails(said.text, asked=situation.email)
        if one.score != NAME_ALONE or not any(one.start < group.end and group.start < one.end for group in groups)
    ]


def _is_digit(token: Token) -> bool:
    """Any number but "doble" at the end, whose digit has not come yet."""
    return token.numeric and not (token.number is not None and token.number.kind == "times")


def _words_after(lexed: Lexed, at: int) -> int:
    return sum(1 for token in lexed.tokens if token.start >= at and not token.digits and token.word not in FILLERS)


def _turns(lexed: Lexed, start: int, end: int) -> bool:
    words = [token.word for token in lexed.tokens if start <= token.start < end]
    return any(word in TURNING_WORDS for word in words[-_CORRECTION_WORDS:])


def _pieces(
    said: Said, lexed: Lexed, cues: Sequence[Cue], situation: Situation, spans: Sequence[tuple[int, int]]
) -> list[Piece]:
    pieces: list[Piece] = []
    at, price = 0, False
    others = other_words(lexed)
    strict = situation.asked or (said.turn == DRAFT and situation.near_card)
    cues = [cue for cue in cues if cue.kind != "person"]
    for run in [*_clear_of(lexed.runs, spans)]:
        if is_count_in_a_name(cues, said.text, run) or is_amount_on_a_card(cues, run, situation.capture):
            continue
        beside = still_said(cues, said.text, run.start)
        house = not situation.capture and is_house_number(said.text, run.start, run.end)
        named = "address" if house else _named(said, lexed, beside, situation, run, pieces)
        told = is_told(beside, said.text, run.start)
        if named == "reference":
            agent = said.leg == "agent"
            told = is_given_out(beside, said.text, run.start, by_agent=agent) or (
                agent and is_of_an_order(said.text, run)
            )
        doubt = Doubt(
            guarded=situation.guarded and others <= TALK,
            strict=strict or named not in _UNNAMED,
            exact=_takes_any_form(named if told else "", situation, others),
            short=others <= CHATTY,
            house=house,
        )
        price = _is_price(lexed, run, situation, named, doubt, another=price)
        state = "" if price and len(run.digits) >= _LONG_PRICE else _state(lexed, run, situation, others, doubt)
        named = name_around(cues, run) or named
        if state == "shown" and (situation.near_card or situation.capture or named in _OF_A_CARD):
            state = "hidden"  # it may be the first of them
        if not state:
            continue
        between = sum(1 for token in lexed.tokens if at <= token.start < run.start and is_other(token))
        piece = _piece(said, run, named, between, state, bare=others == 0 or run.joined)
        things = [token.word for token in lexed.tokens if at <= token.start < run.start and token.word in NUMBERED]
        piece = piece._replace(told=told, curt=others <= CHATTY, thing=next(reversed(things), ""))
        piece = piece._replace(natural=piece.natural or price)
        if len(run.digits) >= _IDENTITY and (check := _CHECK_LETTER.match(said.text, run.end)):
            piece = piece._replace(end=check.end())
        elif len(run.digits) in _DIGITS_OF_A_DOCUMENT:
            awaited = situation.asked or named in ("dni", "document")
            start, end = written.with_letters(lexed, run, awaited=awaited)
            piece = piece._replace(start=start, end=end)
        pieces.append(piece)
        at = piece.end
    if not (situation.capture or situation.near_card):
        return pieces
    pieces = _with_garble(said, lexed, pieces, repeats=situation.capture)
    if others == 1 and not pieces:
        draft = said.turn == DRAFT
        return [_half_heard(said, one) for one in lexed.tokens if _may_be_a_digit(one, real=draft)]
    last = lexed.tokens[-1] if lexed.tokens else None
    if said.turn == DRAFT and situation.capture and last and _may_be_a_digit(last, real=True):
        pieces.append(_half_heard(said, last))
    sure = situation.capture or others == 1
    return [_with_misheard(lexed, one) if sure or len(one.digits) >= _LISTED else one for one in pieces]


def _named(
    said: Said, lexed: Lexed, cues: Sequence[Cue], situation: Situation, run: Run, before: Sequence[Piece]
) -> str:
    """What the words beside the number call it. `before`: pieces of the same turn that it may be read along with."""
    beside_a_card = situation.near_card or situation.capture
    if beside_a_card and is_month_or_year(said.text, run):
        return "card_expiry"
    named = name_of(cues, run.start, run.end, others=lexed.runs)
    if beside_a_card or before:
        return name_along_with_a_card(said.text, before[-1].end if before else 0, run) or named
    if not (named or situation.asked) and said.leg == "agent" and is_of_an_order(said.text, run):
        return "reference"
    return named


def _is_price(lexed: Lexed, run: Run, situation: Situation, named: str, doubt: Doubt, *, another: bool) -> bool:
    """Whether it is what something costs, where no number is waited for or read."""
    if doubt.guarded or doubt.exact or situation.asked or situation.near_card or situation.capture:
        return False
    return named in ("", "phone") and is_price(lexed, run, of_a_thing=named == "phone", another=another)


def _takes_any_form(told: str, situation: Situation, others: int) -> bool:
    """Whether a year or a time may be what was asked for, or what the words right before it name (`told`)."""
    if told in _ANY_FORM or (told == "card_expiry" and situation.near_card):
        return True
    return (situation.code and others <= TALK) or (bool(situation.date_is) and others <= CHATTY)


def _with_misheard(lexed: Lexed, piece: Piece) -> Piece:
    """Hides the word right beside the digits too where it sounds like one more of them: "fife two"."""
    before = next((one for one in reversed(lexed.tokens) if one.end <= piece.start), None)
    wrong = next(
        (one for one in reversed(lexed.tokens) if one.end <= piece.start and one.word not in CORRECTIONS), None
    )
    if wrong and wrong is not before and _may_be_a_digit(wrong, real=False):
        return piece._replace(start=wrong.start)  # "siks, no sorry, seven"
    after = next((one for one in lexed.tokens if one.start >= piece.end and one.word not in _BETWEEN), None)
    if before and _may_be_a_digit(before, real=True) and lexed.text[before.end : piece.start].isspace():
        piece = piece._replace(start=before.start)
    if after and _may_be_a_digit(after, real=True) and not _STOPS.search(lexed.text[piece.end : after.start]):
        piece = piece._replace(end=after.end)
    return piece


def _half_heard(said: Said, token: Token) -> Piece:
    return Piece(said.turn, said.leg, token.start, token.end, (), said.start_ms, said.end_ms, garbled=True)


def _may_be_a_digit(token: Token, *, real: bool) -> bool:
    return is_other(token) and nearest_number(token.word, real=real) != ""


def _clear_of(runs: Sequence[Run], spans: Sequence[tuple[int, int]]) -> list[Run]:
    """Runs without the groups that lie in spans judged already."""
    clear: list[Run] = []
    for run in runs:
        kept: list[int] = []
        for at, group in enumerate(run.groups):
            if any(start < group.end and group.start < end for start, end in spans):
                clear += _part_of(run, kept)
                kept = []
            else:
                kept.append(at)
        clear += _part_of(run, kept)
    return clear


def _part_of(run: Run, kept: Sequence[int]) -> list[Run]:
    if len(kept) == len(run.groups):
        return [run]
    groups = tuple(run.groups[at] for at in kept)
    if not any(not group.weak for group in groups):
        return []
    return [Run(groups, frozenset(at - kept[0] for at in run.corrected if at in kept and at > kept[0]))]


def _state(lexed: Lexed, run: Run, situation: Situation, others: int, doubt: Doubt) -> str:
    """`hidden`, `shown` (a lone digit that may go on in the next turn), or empty: no number to withhold."""
    if is_quantity(lexed, run, doubt):
        return ""
    digits = run.digits
    strong = any(not group.weak for group in run.groups)
    if len(digits) >= 2:
        apart = run.sentences > 1 and len(digits) == 2 and len(run.groups) == 2
        return "" if apart and not (situation.awaits_digits or situation.near_card) else "hidden"
    first = not any(is_other(token) for token in lexed.tokens if token.end <= run.start)
    if situation.capture and strong and _goes_on_misheard(lexed, run):
        return "hidden"
    if (situation.capture and (strong or first) and others <= _TALK_IN_CAPTURE) or (
        situation.near_card and strong and first
    ):
        return "hidden"
    if situation.awaits_digits and others <= CHATTY and (strong or situation.capture or not _is_article(lexed, run)):
        return "hidden"
    ends = not any(is_other(token) or _is_digit(token) for token in lexed.tokens if token.start >= run.end)
    if situation.near_card or situation.capture:
        ends = ends or ((strong or situation.capture) and _STOPS.match(lexed.text, run.end) is not None)
        return "shown" if ends else ""
    return "shown" if strong and ends else ""


def _goes_on_misheard(lexed: Lexed, run: Run) -> bool:
    """Right behind a digit, without a pause, stands a word that sounds like one more: "dois novia"."""
    following = next((token for token in lexed.tokens if token.start >= run.end), None)
    if following is None or not _may_be_a_digit(following, real=True):
        return False
    return lexed.text[run.end : following.start].isspace()


def _is_article(lexed: Lexed, run: Run) -> bool:
    """A lone "um", "una" and right behind it, without a pause, another word: "tenha um bom dia"."""
    following = next((token for token in lexed.tokens if token.start >= run.end), None)
    if following is None or following.numeric:
        return False
    return lexed.text[run.end : following.start].isspace()


def _piece(said: Said, run: Run, named: str, words_before: int, state: str, *, bare: bool) -> Piece:
    parts = tuple(Part(group.digits, said.leg, at in run.corrected) for at, group in enumerate(run.groups))
    only = run.groups[0]
    written_short = said.text[only.start].isdigit() and len(only.digits) <= 3
    natural = len(run.groups) == 1 and (only.cardinal or written_short)
    same = len({part.digits for part in parts}) == 1 and len(parts) >= _GARBLE and all(g.weak for g in run.groups)
    return Piece(
        said.turn, said.leg, run.start, run.end, parts, said.start_ms, said.end_ms, named, words_before,
        shown=state == "shown", garbled=same, bare=bare, natural=natural,
    )  # fmt: skip


_REPEATED = re.compile(r"\b(\w{1,6})(?:\W+\1\b){3,}", re.I)


def _with_garble(said: Said, lexed: Lexed, pieces: list[Piece], *, repeats: bool) -> list[Piece]:
    """Adds words of digits run together and, with `repeats`, stretches in which a short word repeats itself, where no
    piece is yet."""
    spans = [(token.start, token.end) for token in lexed.tokens if is_other(token) and is_glued(token.word)]
    if repeats:
        spans += [m.span() for m in _REPEATED.finditer(lexed.text) if m[1].lower() not in _SAID_OVER_AND_OVER]
    extra = [
        Piece(said.turn, said.leg, start, end, (), said.start_ms, said.end_ms, garbled=True)
        for start, end in spans
        if not any(piece.start < end and start < piece.end for piece in pieces)
    ]
    return sorted([*pieces, *extra], key=lambda piece: piece.start) if extra else pieces

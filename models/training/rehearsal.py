"""Rehearsal: growing data without going over all of it. What is new is learnt whole, beside a sample of the rest.

A network that is taught new examples alone forgets the old ones; some of these beside them keep what was learnt
(Robins 1995, "Catastrophic forgetting, rehearsal and pseudorehearsal", Connection Science 7). New is what the card of
the adapter that training goes on from does not know: it has the fingerprint of every idea that was trained on.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec

from models.training.corpus import Plans, Row

_SIZE = 4
"""Bytes of a fingerprint. Beside 20,000 known ideas, one new one in 200,000 is taken for known."""


def fingerprints(rows: Iterable[Row], plans: Plans) -> dict[str, bytes]:
    """By idea. Texts, labels and the labels that its heads choose from are in it: an idea that was changed is new, and
    so is every idea of a head with other labels, which begins anew. Names and order are not."""
    told: dict[str, list[bytes]] = {}
    for row in rows:
        targets = {head: (plans[head].labels, given.tolist()) for head, given in sorted(row.targets.items())}
        told.setdefault(row.idea, []).append(msgspec.json.encode((row.language, row.text, targets)))
    return {idea: hashlib.sha256(b"\n".join(sorted(rows))).digest()[:_SIZE] for idea, rows in told.items()}


def joined(prints: Iterable[bytes]) -> bytes:
    """As a card keeps them."""
    return b"".join(sorted(set(prints)))


def parted(kept: bytes) -> frozenset[bytes]:
    """What `joined` has joined."""
    return frozenset(kept[start : start + _SIZE] for start in range(0, len(kept), _SIZE))


def rehearsed(
    rows: Sequence[Row], prints: Mapping[str, bytes], known: Set[bytes], share: float, salt: str
) -> list[Row]:
    """Rows of every idea that is not known, and of about `share` (0…1) of those that are; in the order given.

    The same salt draws the same of the known ideas, whatever else there is; another one draws others.
    """
    return [row for row in rows if prints[row.idea] not in known or _drawn(row.idea, share, salt)]


def _drawn(idea: str, share: float, salt: str) -> bool:
    place = hashlib.sha256(f"{salt} {idea}".encode()).digest()[:8]
    return int.from_bytes(place, "big") < share * 2**64


def unlearnt(held: Iterable[Row], taught: Iterable[Row], prints: Mapping[str, bytes], known: Set[bytes]) -> list[Row]:
    """Of the rows held back those that nothing was learnt of: not their text in another idea, and not their idea under
    the name that it had before, which put it on the other side."""
    texts = {row.text.casefold() for row in taught}
    return [row for row in held if prints[row.idea] not in known and row.text.casefold() not in texts]

"""G.711 of one law as the other (ITU-T G.711 §3): each octet has a nearest one, so a table does it."""

from media.codecs import PCMA, PCMU
from media.session import AudioCodec

_EVERY = bytes(range(256))
_TABLES: dict[tuple[AudioCodec, AudioCodec], bytes] = {
    ("PCMU", "PCMA"): PCMA.encode(PCMU.decode([_EVERY])[0]),
    ("PCMA", "PCMU"): PCMU.encode(PCMA.decode([_EVERY])[0]),
}


def table(source: AudioCodec, target: AudioCodec) -> bytes | None:
    """For `bytes.translate`; None when the two are the same. Raises `ValueError` where no table can do it."""
    if source == target:
        return None
    try:
        return _TABLES[source, target]
    except KeyError:
        raise ValueError(f"{source} cannot be had as {target}") from None


def choose(wanted: tuple[AudioCodec, ...], offered: tuple[AudioCodec, ...]) -> tuple[AudioCodec, AudioCodec]:
    """The codec of the browser and that of the call, of what each can: the same where both have one, G.711 μ first;
    else one law for the other. Raises `ValueError` when they have nothing in common."""
    laws: tuple[AudioCodec, ...] = ("PCMU", "PCMA")
    common = [codec for codec in (*laws, *wanted) if codec in wanted and codec in offered]
    if common:
        return common[0], common[0]
    for browser in laws:
        for call in wanted:
            if browser in offered and call in laws:
                return browser, call
    raise ValueError("the two sides have no codec in common")

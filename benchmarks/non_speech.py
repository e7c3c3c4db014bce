"""What a telephone line carries where nobody speaks, made from a seed: 8 kHz, within ±1, before the codec."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.facts import Samples

RATE_HZ = 8000
Rng = np.random.Generator

RINGBACK: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "US": ((440, 480), (2, 4)),
    "UK": ((400, 450), (0.4, 0.2, 0.4, 2)),
    "ES": ((425,), (1.5, 3)),
    "BR": ((425,), (1, 4)),
    "FR": ((440,), (1.5, 3.5)),
    "AU": ((400, 425, 450), (0.4, 0.2, 0.4, 2)),
    "JP": ((384, 416), (1, 2)),
}
"""Frequencies (Hz) and cadence (seconds on, off, …), ITU-T E.180."""
BUSY: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "US": ((480, 620), (0.5, 0.5)),
    "UK": ((400,), (0.375, 0.375)),
    "ES": ((425,), (0.2, 0.2)),
    "CO": ((425,), (0.25, 0.25)),
    "BR": ((425,), (0.25, 0.25)),
    "reorder": ((480, 620), (0.25, 0.25)),
    "dial": ((350, 440), (1,)),
}
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_CHORDS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16), (2, 5, 9), (4, 7, 11))
"""Semitones over the key."""


def tone(frequencies: Sequence[float], seconds: float) -> Samples:
    """A sum of sines at −13 dBm0 or so, with edges of 5 ms."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = sum((np.sin(2 * np.pi * hertz * time) for hertz in frequencies), np.zeros(len(time)))
    edge = np.clip(np.minimum(time, time[::-1] if len(time) else time) / 0.005, 0, 1)
    return np.asarray(0.3 / max(1, len(frequencies)) ** 0.5 * sound * edge, np.float32)


def pause(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def _filled(pieces: Callable[[], Sequence[Samples]], seconds: float) -> Samples:
    """Pieces one after another until so much time is full."""
    made: list[Samples] = []
    size, wanted = 0, round(seconds * RATE_HZ)
    while size < wanted:
        for piece in pieces():
            made.append(piece)
            size += len(piece)
    return np.concatenate(made)[:wanted]


def cadenced(plans: Sequence[tuple[tuple[float, ...], tuple[float, ...]]], rng: Rng, seconds: float) -> Samples:
    def calls() -> list[Samples]:
        frequencies, cadence = plans[int(rng.integers(len(plans)))]
        level = np.float32(10 ** rng.uniform(-1, 0.2))
        ring = [tone(frequencies, on) if at % 2 == 0 else pause(on) for at, on in enumerate(cadence)]
        return [level * piece for piece in ring * int(rng.integers(2, 8))] + [pause(rng.uniform(0.2, 2))]

    return _filled(calls, seconds)


def ringback(rng: Rng, seconds: float) -> Samples:
    return cadenced(list(RINGBACK.values()), rng, seconds)


def busy(rng: Rng, seconds: float) -> Samples:
    return cadenced(list(BUSY.values()), rng, seconds)


def dtmf(rng: Rng, seconds: float) -> Samples:
    """Keys pressed by people and by diallers."""

    def number() -> list[Samples]:
        on, off = rng.uniform(0.05, 0.4), rng.uniform(0.05, 0.5)
        level = np.float32(10 ** rng.uniform(-1, 0.3))
        keys = [level * tone((rng.choice(_ROWS), rng.choice(_COLUMNS)), on) for _ in range(rng.integers(1, 17))]
        return [part for key in keys for part in (key, pause(off))] + [pause(rng.uniform(0.3, 3))]

    return _filled(number, seconds)


def beeps(rng: Rng, seconds: float) -> Samples:
    """Recording beeps, answering machines, call waiting, special information tones."""

    def beep() -> list[Samples]:
        kind = rng.integers(4)
        if kind == 0:
            return [tone((rng.choice((1000, 1400, 440, 800)),), rng.uniform(0.1, 1.2)), pause(rng.uniform(0.5, 4))]
        if kind == 1:
            return [tone((950,), 0.33), tone((1400,), 0.33), tone((1800,), 0.33), pause(1)]
        if kind == 2:
            return [tone((440,), 0.3), pause(0.4), tone((440,), 0.3), pause(2)]
        return [tone((hertz,), 0.12) for hertz in rng.uniform(300, 2500, 5)] + [pause(1)]

    return _filled(beep, seconds)


def fax(rng: Rng, seconds: float) -> Samples:
    """CNG, CED, the V.21 preamble, and a page's carrier (V.29, V.17)."""

    def machine() -> list[Samples]:
        bits = rng.integers(0, 2, 300)
        hertz = np.repeat(np.where(bits, 1650, 1850), RATE_HZ // 300)
        flags = 0.25 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE_HZ)
        symbols = np.repeat(rng.integers(0, 8, 9600), 3)[: 6 * RATE_HZ]
        page = 0.25 * np.sin(2 * np.pi * 1800 * np.arange(len(symbols)) / RATE_HZ + symbols * np.pi / 4)
        cng = [part for _ in range(3) for part in (tone((1100,), 0.5), pause(3))]
        carrier = [np.asarray(flags, np.float32), pause(0.1), np.asarray(page, np.float32)]
        return [*cng, tone((2100,), 3), pause(0.1), *carrier, pause(1)]

    return _filled(machine, seconds)


def coloured(rng: Rng, count: int, slope: float) -> Samples:
    """Noise whose power falls with `frequency ** -slope`, of unit RMS."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    spectrum[0] = 0
    sound = np.fft.irfft(spectrum, count)
    return np.asarray(sound / (np.sqrt(np.mean(sound**2)) + 1e-12), np.float32)


def noise(rng: Rng, seconds: float) -> Samples:
    """White, pink and brown; steady, swelling, and switched as a noise gate does; comfort noise to a loud fan."""

    def stretch() -> list[Samples]:
        count = round(rng.uniform(3, 10) * RATE_HZ)
        sound = coloured(rng, count, rng.choice((0, 1, 2))) * np.float32(10 ** rng.uniform(-3.2, -0.9))
        if rng.random() < 0.4:
            sound = sound * np.repeat(rng.uniform(0.05, 1, count // 1600 + 1), 1600)[:count].astype(np.float32)
        return [sound]

    return _filled(stretch, seconds)


def hum(rng: Rng, seconds: float) -> Samples:
    """Mains and its harmonics, with a little noise."""

    def stretch() -> list[Samples]:
        base = rng.choice((50, 60))
        parts = [tone((base * n,), 8) * np.float32(rng.uniform(0, 1) / n) for n in range(1, 12)]
        hiss = coloured(rng, len(parts[0]), 1) * np.float32(0.003)
        return [np.float32(rng.uniform(0.1, 0.8)) * np.sum(parts, axis=0, dtype=np.float32) + hiss]

    return _filled(stretch, seconds)


def clicks(rng: Rng, seconds: float) -> Samples:
    """Keyboards, knocks on the microphone, and the stutter of lost packets."""

    def stretch() -> list[Samples]:
        sound = coloured(rng, 4 * RATE_HZ, 1) * np.float32(0.002)
        for at in rng.integers(0, len(sound) - 400, rng.integers(4, 40)):
            decay = np.exp(-np.arange(400) / rng.uniform(8, 120))
            sound[at : at + 400] += np.asarray(
                rng.uniform(0.05, 0.8) * decay * coloured(rng, 400, rng.choice((0, 1))), np.float32
            )
        if rng.random() < 0.3:
            sound *= np.repeat(rng.random(200) < 0.7, 160)
        return [sound]

    return _filled(stretch, seconds)


def breath(rng: Rng, seconds: float) -> Samples:
    """Breathing into the microphone, blowing, coughs: shaped noise without a voice."""

    def breathe() -> list[Samples]:
        count = round(rng.uniform(0.5, 2) * RATE_HZ)
        spectrum = np.fft.rfft(coloured(rng, count, 1))
        hertz = np.fft.rfftfreq(count, 1 / RATE_HZ)
        throat = sum(np.exp(-(((hertz - f) / w) ** 2)) for f, w in ((rng.uniform(400, 900), 250), (1600, 500)))
        sound = np.fft.irfft(spectrum * (throat + 0.05), count)
        if rng.random() < 0.2:  # a cough: sharp on, quick off
            envelope = np.exp(-np.arange(count) / (0.08 * RATE_HZ))
        else:
            envelope = np.sin(np.pi * np.arange(count) / count) ** rng.uniform(0.7, 2)
        loud = rng.uniform(0.02, 0.4) / (np.abs(sound).max() + 1e-9)
        return [np.asarray(loud * envelope * sound, np.float32), pause(rng.uniform(0.2, 1.5))]

    return _filled(breathe, seconds)


def music(rng: Rng, seconds: float) -> Samples:
    """Chords, a melody, a bass and drums, in a key, a tempo and timbres of their own every sixteen bars or so."""

    def piece() -> list[Samples]:
        beat, key = 60 / rng.uniform(60, 150), rng.uniform(110, 220)
        brightness, attack = rng.uniform(0.8, 2.5), rng.uniform(0.003, 0.08)
        drums, vibrato = rng.random() < 0.6, rng.uniform(0, 0.006)
        bars = []
        for _ in range(8):
            chord = _CHORDS[rng.integers(len(_CHORDS))]
            count = round(4 * beat * RATE_HZ)
            bar = np.zeros(count, np.float32)
            for semitone in chord:
                _add(bar, 0, _note(key * 2 ** (semitone / 12), 4 * beat, brightness + 0.5, attack, 0) * 0.06)
            _add(bar, 0, _note(key / 2 * 2 ** (chord[0] / 12), 4 * beat, 2, 0.01, 0) * 0.12)
            at = 0.0
            while at < 4:
                length = float(rng.choice((0.5, 0.5, 1, 1.5)))
                hertz = key * 2 ** ((chord[rng.integers(3)] + 12) / 12)
                _add(bar, at * beat, _note(hertz, length * beat, brightness, attack, vibrato) * 0.16)
                at += length
            if drums:
                for half in range(8):
                    hit = np.exp(-np.arange(800) / (40 if half % 2 else 150))
                    _add(bar, half * beat / 2, np.asarray(0.12 * hit * coloured(rng, 800, half % 2 * -0.5), np.float32))
            bars.append(bar)
        return bars

    return _filled(piece, seconds)


def _note(hertz: float, seconds: float, brightness: float, attack: float, vibrato: float) -> Samples:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * hertz * (time + vibrato / 5.5 * np.sin(2 * np.pi * 5.5 * time) / (2 * np.pi))
    sound = sum((np.sin(n * phase) / n**brightness for n in range(1, 10) if n * hertz < 3800), np.zeros(len(time)))
    return np.asarray(sound * np.clip(time / attack, 0, 1) * np.exp(-1.5 * time / seconds), np.float32)


def _add(bar: Samples, at_s: float, sound: Samples) -> None:
    start = round(at_s * RATE_HZ)
    part = sound[: max(0, len(bar) - start)]
    bar[start : start + len(part)] += part


CLASSES: dict[str, Callable[[Rng, float], Samples]] = {
    "ringback": ringback,
    "busy": busy,
    "dtmf": dtmf,
    "beeps": beeps,
    "fax": fax,
    "noise": noise,
    "hum": hum,
    "clicks": clicks,
    "breath": breath,
    "music": music,
}

"""Text that Whisper makes up where nobody speaks: subtitle credits and thanks, learnt from the ends of videos."""

import math
import re

import numpy as np

from engine.facts import Samples
from models.decoding import RATE_HZ

_QUIET_DBFS = -55.0
_QUIET_RAISED_DBFS = -40.0
"""The same as the VAD heard it: raised, talk has −20 dBFS or so, and hardly anybody answers 20 dB more softly."""
_SILENCE = 0.3
_SUSPECT_DOUBT = -0.9
"""Of what base wrote for 166 stretches of tones, noise, music and breathing nothing was clearer than that; one of 160
sentences of speech was less clear."""
_FRAME = 1600
_WORDS = 4
_WORDS_A_SECOND = 7
"""Nobody speaks faster: the fastest of 160 sentences in four languages came to 4."""

_CREDITS = (
    "subtítulos realizados por",
    "subtítulos por la comunidad",
    "subtitulado por",
    "legendas pela comunidade",
    "legendado por",
    "legenda por",
    "transcrição e legendas",
    "subtitles by",
    "captions by",
    "transcription by",
    "subtítulos creados por",
    "legendas por",
    "tradução e legendas",
    "sous titres réalisés",
    "sous titrage",
    "sottotitoli creati",
    "sottotitoli e revisione",
    "untertitel",
)
"""Plain, as a text begins: further in, a bill may have its `legenda por extenso`."""
_MAKERS = ("amara.org", "castingwords")
"""Anywhere in the text: nobody says these on a call."""
_ADDRESS = re.compile(r"(?:\S+ ){0,4}www\.\S+")
"""An address and hardly a word before it; agents read out those of their companies."""

_PHRASES = frozenset(
    {
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "thanks for watching and see you in the next video",
        "please subscribe",
        "please subscribe to my channel",
        "like and subscribe",
        "see you in the next video",
        "gracias por ver",
        "gracias por ver el video",
        "gracias por ver el vídeo",
        "muchas gracias por ver el video",
        "subtítulos en español",
        "suscríbete",
        "suscríbete al canal",
        "no olvides suscribirte",
        "nos vemos en el próximo video",
        "obrigado por assistir",
        "obrigada por assistir",
        "obrigado por assistirem",
        "inscreva se no canal",
        "se inscreva no canal",
        "até o próximo vídeo",
        "deixe seu like",
        "ative o sininho",
        "muito obrigado por assistir",
        "obrigado por assistir o vídeo",
        "gracias por ver este video",
        "suscríbete y activa la campanita",
        "dale like",
        "hasta el próximo video",
        "don t forget to subscribe",
        "subscribe to my channel",
        "i ll see you in the next one",
        "merci d avoir regardé cette vidéo",
        "abonnez vous",
        "grazie per aver guardato il video",
        "iscriviti al canale",
        "vielen dank fürs zuschauen",
    }
)
"""As the whole text, where the sound is doubtful."""
_CLOSINGS = frozenset({"see you next time", "hasta la próxima", "até a próxima", "gracias por su atención"})
"""As the whole text. Calls end with these too, so only that Whisper hears silence, or that it may be music, tells."""

_MARKS = re.compile(r"[\W_]+")


def is_hallucinated(
    text: str,
    speech: Samples,
    no_speech: float,
    log_probability: float,
    *,
    suspect: bool = False,
    gain: float = 1.0,
) -> bool:
    """Whether no one said `text`: the sound is silence to Whisper or to the ear, or the words are a video's.

    `speech` is within ±1; `log_probability` the mean over tokens. `suspect`: it may be music or noise, so the words
    must be clear. `gain`: what the VAD heard it raised by.
    """
    if not text:
        return False
    plain = _MARKS.sub(" ", text.casefold()).strip()
    if not plain or _is_silence(speech, 1.0 if suspect else gain):
        return True
    if no_speech > 0.45 and log_probability < -0.9:
        return True
    if len(plain.split()) > _WORDS + _WORDS_A_SECOND * len(speech) / RATE_HZ:
        return True
    if suspect and (no_speech > _SILENCE or log_probability < _SUSPECT_DOUBT):
        return True
    shown = text.casefold()
    if plain.startswith(_CREDITS) or any(maker in shown for maker in _MAKERS):
        return no_speech > 0.1 or log_probability < -0.3
    doubtful = no_speech > 0.2 or log_probability < -0.5
    if plain in _PHRASES:
        return doubtful
    said_at_work = plain in _CLOSINGS or _ADDRESS.fullmatch(shown) is not None
    return said_at_work and (no_speech > _SILENCE or (suspect and doubtful))


def _is_silence(speech: Samples, gain: float) -> bool:
    """To the ear. Where nobody is loud, less is sound."""
    level = level_dbfs(speech)
    return level < _QUIET_DBFS and level + 20 * math.log10(gain) < _QUIET_RAISED_DBFS


def level_dbfs(speech: Samples) -> float:
    """RMS of the loudest 100 ms, so that a short word in a long silence counts as sound; −120 for digital silence."""
    if not len(speech):
        return -120.0
    frames = np.array_split(speech, max(1, len(speech) // _FRAME))
    loudest = max(float(np.square(frame).mean()) for frame in frames)
    return 10 * float(np.log10(loudest + 1e-12))

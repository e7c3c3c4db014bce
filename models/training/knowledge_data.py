"""Reads the authored data of the knowledge search: bases of articles with what customers say, topics, and turns that
call for nothing."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from models.articles import Article, parse_article
from models.documents import load_folder
from models.training.corpus import DATA

KNOWLEDGE = Path(__file__).with_name("data_knowledge")
LANGUAGES = ("es", "pt", "en")
_PARTS = 7
"""One of so many parts of the bases is held back."""
_NO_CARD = frozenset({"opt_out", "escalate_to_supervisor", "identity_verification"})
"""Intents of turns that want a deed: neither a need for an article nor idle talk."""
_AGENT_ACTS = ("recording_notice", "self_identification", "company_identification", "protocol_given", "contact_given")


class Said(msgspec.Struct, frozen=True):
    """A turn; `about` is the index of the article or topic that it calls for, −1 for none."""

    language: str
    text: str
    about: int = -1


class Base(msgspec.Struct, frozen=True):
    name: str
    language: str
    articles: tuple[Article, ...]
    queries: tuple[Said, ...]
    outside: tuple[Said, ...]
    """Needs that no article here answers."""


class Topic(msgspec.Struct, frozen=True):
    titles: tuple[str, ...]
    said: tuple[str, ...]


def _load(path: Path) -> Any:
    return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_base(path: Path) -> Base:
    """A base in one YAML file: `articles` (Markdown by id), `queries` (by id and language), `outside`."""
    data = _load(path)
    names = list(data["articles"])
    queries = [
        Said(language, text, names.index(name))
        for name, groups in data["queries"].items()
        for language, texts in groups.items()
        for text in texts
    ]
    return Base(
        name=path.stem,
        language=data["language"],
        articles=tuple(parse_article(name, text) for name, text in data["articles"].items()),
        queries=tuple(queries),
        outside=tuple(Said(language, text) for language, texts in data["outside"].items() for text in texts),
    )


def read_bases(folder: Path = KNOWLEDGE / "bases") -> list[Base]:
    return [read_base(path) for path in sorted(folder.glob("*.yaml"))]


def held_back(name: str) -> bool:
    """Whether the need encoder does not learn from the base of this name: what it says of it is what it would say of a
    customer's, so that the search's weights are fitted there."""
    return zlib.crc32(name.encode()) % _PARTS == 0


def demo_bases(articles: Path) -> list[Base]:
    """The bundled bases with `queries.yaml`, whose texts tell no language; each also without its questions."""
    queries = _load(KNOWLEDGE / "queries.yaml")
    bases = []
    for name in sorted(set(queries) - {"none"}):
        loaded = load_folder(articles / name)
        ids = [one.article for one in loaded]
        said = tuple(
            Said(guess_language(text), text, ids.index(article))
            for article, texts in queries[name].items()
            for text in texts
        )
        plain = [msgspec.structs.replace(one, questions=()) for one in loaded]
        for form, label in ((loaded, "demo-" + name), (plain, "demo-" + name + "-plain")):
            bases.append(Base(label, loaded[0].language, tuple(form), said, ()))
    return bases


def read_topics() -> list[Topic]:
    """In the order of the files; a later entry of the same name adds to what is said."""
    titles: dict[str, tuple[str, ...]] = {}
    said: dict[str, list[str]] = {}
    for path in sorted((KNOWLEDGE / "topics").glob("*.yaml")):
        for item in _load(path):
            name = item["topic"]
            if "titles" in item:
                titles[name] = tuple(item["titles"].values())
            said.setdefault(name, []).extend(text for language in LANGUAGES for text in item.get(language, ()))
    return [Topic(titles[name], tuple(dict.fromkeys(texts))) for name, texts in said.items()]


def idle_turns() -> list[Said]:
    """Turns that call for no article: of a customer, and what an agent says."""
    turns = [Said(guess_language(text), text) for text in _load(KNOWLEDGE / "queries.yaml")["none"]]
    turns += [Said(language, text) for language, texts in _load(KNOWLEDGE / "no_need.yaml").items() for text in texts]
    turns += [said for item, said in _shared_ideas() if not item["intents"] and item["idea"].startswith("cy-")]
    for act in _AGENT_ACTS:
        for item in _load(DATA / "acts" / f"{act}.yaml")[:12]:
            if item["acts"]:
                turns += [Said(language, text) for language in LANGUAGES for text in item.get(language, ())[:1]]
    return turns


def needs_of_the_corpus() -> list[str]:
    """What the intents head learns as a customer's need that an article may answer."""
    return [said.text for item, said in _shared_ideas() if item["intents"] and not _NO_CARD & set(item["intents"])]


def _shared_ideas() -> Iterator[tuple[dict[str, Any], Said]]:
    for path in sorted((DATA / "customers").glob("*.yaml")):
        for item in _load(path):
            if "intents" in item:
                yield from ((item, Said(language, text)) for language in LANGUAGES for text in item.get(language, ()))


def guess_language(text: str) -> str:
    words = set(text.lower().split())
    if any(sign in text for sign in "ãõç") or words & {"não", "meu", "uma", "estou", "em", "você", "obrigada"}:
        return "pt"
    return "es" if any(sign in text for sign in "¿ñ") or words & {"el", "me", "es", "la", "sí"} else "en"

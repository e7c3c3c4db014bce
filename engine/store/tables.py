"""The tables. `organisation_id` is in every row; what was said is in none, save sealed in `facts.body` and
`tokens.sealed`."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, LargeBinary, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


_COUNTER = BigInteger().with_variant(Integer, "sqlite")
"""Counts every fact that ever was: more than 32 bits hold. SQLite's integers grow, and count up by this name alone."""


class Table(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {list[str]: JSON, list[Any]: JSON, dict[str, Any]: JSON, bytes: LargeBinary}  # noqa: RUF012 (SQLAlchemy's API)


class OrganisationRow(Table):
    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[float]
    training: Mapped[bool]
    """Whether what its people judged may be taken out as training rows."""


class UserRow(Table):
    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    login: Mapped[str] = mapped_column(unique=True)
    """Lower case; unique over the installation, since the log-in asks for no organisation."""
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    """argon2id in PHC string format."""
    aors: Mapped[list[str]]
    extensions: Mapped[list[str]]
    active: Mapped[bool]
    created_at: Mapped[float]


class SessionRow(Table):
    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of the cookie's token: a copy of the table logs nobody in."""
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)


class CampaignRow(Table):
    __tablename__ = "campaigns"
    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    kind: Mapped[str]
    direction: Mapped[str]
    language: Mapped[str]
    country: Mapped[str]
    region: Mapped[str]
    rule_packs: Mapped[list[str]]
    knowledge: Mapped[str]
    vocabulary: Mapped[list[Any]]
    """`engine.vocabulary.Term` as JSON."""
    numbers: Mapped[list[str]]
    members: Mapped[list[str]]
    """User ids."""
    active: Mapped[bool]
    created_at: Mapped[float]
    recording: Mapped[bool]
    retention_days: Mapped[int]
    notice: Mapped[bool]
    beep_s: Mapped[int]
    words_days: Mapped[int]
    agent_sentiment: Mapped[bool]


class CallRow(Table):
    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "organisation_id", "started_at"),
        Index(None, "ended_at"),
        Index(None, "organisation_id", "erased_at"),
        Index(None, "campaign_id", "erased_at", "ended_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    campaign_id: Mapped[str]
    campaign: Mapped[str]
    direction: Mapped[str]
    language: Mapped[str]
    country: Mapped[str]
    region: Mapped[str]
    agent_id: Mapped[str]
    agent_name: Mapped[str]
    started_at: Mapped[float]
    ended_at: Mapped[float]
    end_reason: Mapped[str]
    protocol: Mapped[str]
    key_id: Mapped[str]
    """Which key-encryption key wrapped the call's."""
    wrapped_key: Mapped[bytes]
    erased_at: Mapped[float]
    """0 until then. From then on the row says that there was a call, and no more."""
    erased_by: Mapped[str]
    """`engine.store.erasures.Erasure.erased_by`."""
    legal_hold_at: Mapped[float]
    """0: there is none. Until it is lifted nothing of the call is erased or deleted."""
    legal_hold_by: Mapped[str]
    """`engine.store.erasures.LegalHold.held_by`."""


class FactRow(Table):
    __tablename__ = "facts"
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    organisation_id: Mapped[str]
    type: Mapped[str]
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    stored_at: Mapped[float]
    body: Mapped[bytes]
    """`engine.facts.encode` of the fact, sealed with the call's key."""


class TokenRow(Table):
    """What a masked word was, where it may be read again (`engine.tokens`)."""

    __tablename__ = "tokens"
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The fact that says where it was said."""
    organisation_id: Mapped[str]
    sealed: Mapped[bytes]
    """With the call's key."""


class RecordingRow(Table):
    """Where a call's recording lies; the sound itself is a sealed file (`engine.recordings`)."""

    __tablename__ = "recordings"
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    organisation_id: Mapped[str]
    channels: Mapped[int]
    started_at: Mapped[float]
    length_ms: Mapped[int]
    """0 until the call has ended, and for good when the engine was killed."""
    delete_at: Mapped[float] = mapped_column(index=True)
    """UNIX seconds from which on it must be gone; 0: kept until somebody erases it."""
    retention_days: Mapped[int]
    """What the campaign asked for when the call was made."""


class FormRow(Table):
    """Every version of a form that an organisation wrote; none is ever changed."""

    __tablename__ = "forms"
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    form: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source: Mapped[str]
    """YAML."""
    created_at: Mapped[float]
    created_by: Mapped[str]


class ScoreRow(Table):
    """A call's quality as its newest fact has it, to list and filter by; which words it rests on is sealed with it."""

    __tablename__ = "quality_scores"
    __table_args__ = (Index(None, "organisation_id", "at"),)
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    organisation_id: Mapped[str]
    form: Mapped[str]
    version: Mapped[int]
    score: Mapped[float | None]
    passed: Mapped[bool]
    failed: Mapped[bool]
    """By an item that fails the call."""
    open: Mapped[int]
    """Items that wait for a person."""
    reviewed: Mapped[bool]
    at: Mapped[float]


class FeedbackRow(Table):
    """What people judged, and what there was to judge: only ever added to, and gone with the call."""

    __tablename__ = "feedback"
    __table_args__ = (Index(None, "organisation_id", "kind", "subject"),)
    id: Mapped[int] = mapped_column(_COUNTER, primary_key=True, autoincrement=True)
    organisation_id: Mapped[str]
    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id"), index=True)
    seq: Mapped[int]
    """The fact that says it."""
    of: Mapped[int]
    """The fact that it is about."""
    kind: Mapped[str]
    subject: Mapped[str]
    version: Mapped[str]
    verdict: Mapped[str]
    by: Mapped[str]
    role: Mapped[str]
    at: Mapped[float]


class OutboxRow(Table):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(_COUNTER, primary_key=True, autoincrement=True)
    organisation_id: Mapped[str]
    call_id: Mapped[str]
    seq: Mapped[int]
    created_at: Mapped[float]


class KnowledgeRow(Table):
    __tablename__ = "knowledge"
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    base: Mapped[str] = mapped_column(primary_key=True)
    article: Mapped[str] = mapped_column(primary_key=True)
    """Its file's stem."""
    language: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    changed_at: Mapped[float]
    questions: Mapped[list[Any]] = mapped_column(server_default="[]")
    """[language, question] each."""
    intents: Mapped[list[Any]] = mapped_column(server_default="[]")
    source: Mapped[str] = mapped_column(server_default="")
    """Name of the file that it came from."""


class KeyProofRow(Table):
    """What only the installation's key-encryption key opens; about the installation, so it has no organisation."""

    __tablename__ = "key_proofs"
    key_id: Mapped[str] = mapped_column(primary_key=True)
    proof: Mapped[bytes]
    created_at: Mapped[float]

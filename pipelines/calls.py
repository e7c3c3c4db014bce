"""All live calls of this engine: lets them in, serves them, and takes what people do to them."""

import asyncio
import datetime
import secrets
from collections.abc import Callable

import structlog

from engine.control.roles import decide_roles
from engine.control.trunks import RoleOverride
from engine.cores import cores
from engine.errors import Conflict, Forbidden, NotFound
from engine.ports.desk import DeskCommand, Person
from engine.ports.hearing import Ears
from engine.ports.intake import TAKEN_UP_S, CallOffer, IngestSession, Notice, Refusal, Router, Routing
from engine.ports.storage import CallRecord, FactSink
from engine.ports.writing import AnswerWriter, SummaryWriter
from engine.telemetry import Metrics
from engine.tracing import NO_TRACES, Tracing
from models.compliance import CallContext, Metadata
from models.playbooks import playbook_for
from models.review import Form
from models.vocabulary import corrector_of
from pipelines.call import LiveCall
from pipelines.callee import day_there, zones_of
from pipelines.conversations import conversation_of
from pipelines.ledger import Ledger
from pipelines.notebook import Notebooks
from pipelines.notes import Began, program_version
from pipelines.patient_sink import PatientSink
from pipelines.recorder import Recorder
from pipelines.roster import Roster
from pipelines.setup import Setup
from pipelines.summary_wording import WORDING_S
from pipelines.understand import read_aside, search_aside
from pipelines.understanding import Understanding
from pipelines.voices import Voices

log = structlog.get_logger(__name__)

LATE_FINALS_MS = 1_500
"""With finals this late, a new call would make every call worse: it is refused."""
LOADING_MS = 20_000
"""While `ears` loads its model, finals are late without any load: calls are heard meanwhile and put into words
afterwards, as long as a session keeps their sound (40 s)."""
STORE_LATE_S = 5.0
"""With a store that takes nothing for so long, a call that is there waits for it, and a new one is refused."""
BELIEVED_S = 7_200.0
"""From this age on a peer is rather taken to name a wrong time zone than to offer a call from its middle."""
RETRY_AFTER_S = 5
FAILED_S = 60.0
"""How long a call that failed waits for a store that is to note its end; the next start of the engine does it else."""


def default_max_calls() -> int:
    """Measured with Whisper base on a CPU with AMX: six calls at once on two cores keep their deadlines, also while the
    machine's neighbours work; eight only while they don't."""
    return max(1, int(3 * cores()))


def context_of(offer: CallOffer, routing: Routing, at_s: float) -> CallContext:
    """What a live call is judged by, as far as its signalling and its campaign tell."""
    now = datetime.datetime.fromtimestamp(at_s, datetime.UTC)
    zones = zones_of(offer, routing)
    return CallContext(
        country=routing.country,
        region=routing.region,
        campaign=routing.campaign,
        direction=routing.direction,
        language=routing.language,
        day=day_there(now, zones, routing.country, routing.region),
        segment="mid" if TAKEN_UP_S <= offer.age_s < BELIEVED_S else "opening",
        rule_packs=routing.rule_packs,
        metadata=Metadata(
            at=now,
            zones=zones,
            retention_days=routing.retention_days if routing.recording else None,
        ),
    )


class Calls:
    """Implements `engine.ports.intake.CallIntake` for media and `engine.ports.desk.CallDesk` for the web."""

    def __init__(
        self,
        *,
        router: Router,
        ears: Ears,
        sink: FactSink,
        understanding: "asyncio.Future[Understanding]",
        metrics: Metrics,
        max_calls: int,
        clock_ms: Callable[[], float],
        wall_clock: Callable[[], float],
        override: Callable[[CallOffer], RoleOverride | None] = lambda offer: None,
        notice_of: Callable[[Routing], Notice | None] = lambda routing: None,
        tracing: Tracing = NO_TRACES,
        recorder: Recorder | None = None,
        notebooks: Notebooks | None = None,
        form_of: Callable[[Routing], Form | None] = lambda routing: None,
        late_finals_ms: float = LATE_FINALS_MS,
        store_late_s: float = STORE_LATE_S,
        answers: AnswerWriter | None = None,
        writer: SummaryWriter | None = None,
        wording_s: float = WORDING_S,
        keeps_tokens: bool = False,
    ) -> None:
        """Calls are let in before `understanding` is there: media keeps what is said until they can be served. Without
        a `recorder` no call is recorded, whatever its campaign says; without `notebooks` nothing is kept to play one
        again as it was. With `late_finals_ms` infinite, no load on `ears` keeps a call out. For `answers`, `writer` and
        `wording_s` see `LiveCall`, for `keeps_tokens` `Conversation`."""
        self._router = router
        self._ears = ears
        self._sink = PatientSink(sink)
        self._understanding = understanding
        self._metrics = metrics
        self._max_calls = max_calls
        self._clock_ms = clock_ms
        self._wall_clock = wall_clock
        self._override = override
        self._notice_of = notice_of
        self._tracing = tracing
        self._recorder = recorder
        self._notebooks = notebooks
        self._form_of = form_of
        self._late_finals_ms = late_finals_ms
        self._store_late_s = store_late_s
        self._answers = answers
        self._writer = writer
        self._wording_s = wording_s
        self._keeps_tokens = keeps_tokens
        self._live: dict[str, LiveCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._admitted: set[str] = set()
        """Calls that are let in and have not begun: between the two lie a peer's answer, or a notice's sound."""
        self._closing = False
        metrics.count("calls_refused_total", 0, code="overloaded")  # there from the start: its first step is seen

    # ─── intake ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def admit(self, offer: CallOffer) -> Refusal | None:
        refusal = self._refuse(offer)
        if refusal:
            self._metrics.count("calls_refused_total", code=refusal.code)
        else:
            self._admitted.add(offer.call_id)
        return refusal

    def withdraw(self, offer: CallOffer) -> None:
        self._admitted.discard(offer.call_id)

    @property
    def count(self) -> int:
        """Calls that have their place: those that are served, and those that are let in and have not begun."""
        return len(self._tasks) + len(self._admitted)

    def full(self) -> Refusal | None:
        if self._closing:
            return Refusal("shutting_down", RETRY_AFTER_S)
        if self._sink.waited_s > self._store_late_s:
            return Refusal("overloaded", RETRY_AFTER_S)
        headroom = self._ears.headroom()
        bearable_ms = self._late_finals_ms if headroom.up else LOADING_MS
        if self.count >= self._max_calls or headroom.finals_late_ms > bearable_ms:
            return Refusal("overloaded", RETRY_AFTER_S)
        return None

    def _refuse(self, offer: CallOffer) -> Refusal | None:
        if refusal := self.full():
            return refusal
        if self._router.route(offer) is None:
            return Refusal("unknown_number")
        return None

    def notice(self, offer: CallOffer) -> Notice | None:
        routing = self._router.route(offer)
        return self._notice_of(routing) if routing and routing.recording and self._recorder else None

    def begin(self, session: IngestSession) -> None:
        self._admitted.discard(session.offer.call_id)
        routing = self._router.route(session.offer)
        if routing is None:  # the campaign was closed between admission and answer: nobody may see the call
            log.warning("call.unrouted", call_id=session.offer.call_id)
            return
        serving = self._serve(session, routing, self._wall_clock())
        task = asyncio.create_task(serving, name=f"call {session.offer.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, session: IngestSession, routing: Routing, started_at: float) -> None:
        call_id, reason = session.offer.call_id, "error"
        call: LiveCall | None = None
        with structlog.contextvars.bound_contextvars(call_id=call_id):
            try:
                understanding = await asyncio.shield(self._understanding)
                call = self._live[call_id] = self._compose(session, routing, understanding, started_at)
                await call.serve()
                reason = call.record.end_reason or reason
            except Exception:
                log.exception("call.failed")
                if call is not None:
                    await self._end_failed(call)
            finally:
                self._live.pop(call_id, None)
                self._metrics.count("calls_total", protocol=session.offer.protocol, reason=reason)

    async def _end_failed(self, call: LiveCall) -> None:
        try:
            async with asyncio.timeout(FAILED_S):
                await call.fail()
        except Exception:
            log.exception("call.left_live")

    def _compose(
        self, session: IngestSession, routing: Routing, understanding: Understanding, started_at: float
    ) -> LiveCall:
        offer = session.offer
        record = CallRecord(
            call_id=offer.call_id,
            organisation_id=routing.organisation_id,
            campaign_id=routing.campaign_id,
            campaign=routing.campaign,
            direction=routing.direction,
            language=routing.language,
            country=routing.country,
            region=routing.region,
            started_at=started_at,
            protocol=offer.protocol,
        )
        ledger = Ledger(offer.call_id, self._clock_ms)
        roster = Roster()
        voices = Voices(roster)
        recorder = self._recorder if routing.recording else None
        notebook = self._notebooks.notebook(offer.call_id) if self._notebooks else None
        knowledge = understanding.knowledge(routing.organisation_id, routing.knowledge)
        setup = Setup(
            call_id=offer.call_id,
            context=context_of(offer, routing, started_at),
            guard_key=secrets.token_bytes(32),
            agent_sentiment=routing.agent_sentiment,
            searches=knowledge is not None,
            form=self._form_of(routing),
            playbook=playbook_for(understanding.playbooks, routing.campaign, routing.name),
            own_rules=understanding.own_rules,
        )
        if notebook:
            notebook.take(Began(program_version(), setup))
        conversation = conversation_of(
            setup,
            understanding.rules,
            understanding.detectors,
            ledger=ledger,
            roster=roster,
            reader=understanding.reader,
            reads=read_aside,
            searches=search_aside,
            knowledge=knowledge,
            voices=voices,
            clock_ms=self._clock_ms,
            tracing=self._tracing,
            decided=lambda decision: self._metrics.count("cards_total", decision=decision),
            take=notebook.take if notebook else None,
            spoil=notebook.spoil if notebook else lambda: None,
            keeps_tokens=self._keeps_tokens,
        )
        return LiveCall(
            session=session,
            record=record,
            ledger=ledger,
            conversation=conversation,
            ears=self._ears,
            sink=self._sink,
            decide_roles=lambda participants: decide_roles(participants, routing, self._override(offer)),
            name_of=lambda user: routing.names.get(user, ""),
            corrector=corrector_of(routing.vocabulary),
            clock_ms=self._clock_ms,
            wall_clock=self._wall_clock,
            on_shown=lambda kind, ms: self._metrics.observe(f"{kind}_to_screen_seconds", max(0.0, ms) / 1000),
            tape=recorder.tape(session, ledger, roster, routing.retention_days) if recorder else None,
            tracing=self._tracing,
            writer=self._writer,
            wording_s=self._wording_s,
            answers=self._answers,
            voices=voices,
            notebook=notebook,
            segment=setup.context.segment,
        )

    # ─── desk ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def command(self, person: Person, command: DeskCommand) -> None:
        call = self._live.get(command.call_id)
        if call is None or call.record.organisation_id != person.organisation_id:
            raise NotFound("no such live call")
        mine = call.record.agent_id == person.user_id
        if command.name == "claim":
            if not call.may_be_claimed_by(person):
                raise Conflict("somebody else has the call")
        elif not mine and person.role == "agent":
            raise Forbidden("the call is on another desk")
        if command.name in ("pause", "resume"):
            if call.tape is None:
                raise Conflict("the call is not being recorded")
            call.tape.check(command.name)
        call.command(person, command)

    def ears_changed(self, up: bool) -> None:
        """For `EarsClient.on_change`."""
        self._metrics.set("ears_up", float(up))
        for call in self._live.values():
            call.ears_changed(up)

    def drain(self) -> None:
        """Admits no more calls; those that there are go on."""
        self._closing = True

    async def close(self) -> None:
        """Admits no more calls and waits for those that media is ending (media closes first)."""
        self.drain()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=10)
            for task in late:
                task.cancel()

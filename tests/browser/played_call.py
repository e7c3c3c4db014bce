"""Facts of the demo collections call, as an engine would make them of its script."""

import json
import time
from pathlib import Path
from typing import Any

from engine.facts import CallEvent, Draft, Evidence, Fact, Insight, Leg, Measured, Stamps, Suggestion, Transcript
from engine.ports.storage import CallRecord

SCRIPT = Path(__file__).parents[2] / "pipelines" / "demo_calls" / "demo_es_cobranza.json"
CALL_ID = "01930000-0000-7000-8000-000000000001"

ID_TITLE = "Decir el nombre, la entidad y para qué se llama antes de hablar de la deuda"
MASKED = {
    3: "[dob].",
    10: "[number].",
}
SENTIMENT = {1: "neutral", 3: "neutral", 5: "negative", 8: "neutral", 10: "neutral", 12: "positive"}
LEVEL = {1: 0.6, 3: 0.7, 5: 0.93, 8: 0.55, 10: 0.6, 12: 0.9}
MOOD = {1: ("neutral", 0.1), 3: ("neutral", 0.1), 5: ("negative", 0.7), 8: ("negative", 0.35), 10: ("neutral", 0.1)}
INTENT = {3: "identity_verification", 5: "complaint", 8: "payment_arrangement"}
CARDS = {
    5: (
        "acuerdo-de-pago",
        "Ofrecer un acuerdo de pago a quien perdió su empleo o sus ingresos",
        "Reconozca la situación y ofrezca **hasta seis cuotas sin intereses de mora**.\n\n"
        "- Confirme el valor que el cliente puede pagar hoy\n- Diga la fecha de la primera cuota",
        "complaint",
    ),
    8: (
        "pago-con-otra-tarjeta",
        "Pago con otra tarjeta",
        "Se acepta cualquier tarjeta a nombre del titular. **Pause la grabación** antes de pedir el número; "
        "no repita los dígitos en voz alta.",
        "payment_arrangement",
    ),
}


def tile(call_id: str, **changes: Any) -> dict[str, Any]:
    """Of a wall."""
    return {
        "id": call_id, "agent_name": f"Agent {call_id}", "campaign": "care", "direction": "inbound", "language": "pt",
        "started_at": time.time() - 60, "state": "live", "mood": "neutral", "mood_score": 0.6,
        "mood_lean": 0.1, "alerts": [], "last_at_ms": 1000, "unclaimed": False,
    } | changes  # fmt: skip


def record(call_id: str = CALL_ID, **changes: Any) -> CallRecord:
    fields: dict[str, Any] = {
        "organisation_id": "org", "campaign_id": "camp", "campaign": "collections", "direction": "outbound",
        "language": "es", "country": "CO", "agent_id": "u-andrea", "agent_name": "Andrea Rojas",
        "started_at": time.time() - 12,
    }  # fmt: skip
    return CallRecord(call_id=call_id, **(fields | changes))


class Player:
    """Numbers the facts of one call from 1."""

    def __init__(self, call_id: str = CALL_ID) -> None:
        self.call_id = call_id
        self.seq = 0
        self.turns: list[dict[str, Any]] = json.loads(SCRIPT.read_text())["turns"]

    def opening(self) -> list[Fact]:
        streams: tuple[tuple[str, Leg], ...] = (("1", "customer"), ("2", "agent"))
        roles: list[Fact] = [
            self._event("role.decided", 0, {"stream": stream, "role": role, "rule": "member", "confidence": 1.0})
            for stream, role in streams
        ]
        duties = [
            {"rule": "CO-REC-NOTICE", "title": "Avisar que la llamada se graba"},
            {"rule": "CO-ID", "title": ID_TITLE},
        ]
        return [self._event("call.answered", 0, {"duties": duties}), *roles]

    def drafts(self, index: int) -> list[Draft]:
        """The turn as it grows: four words more each time, all but the last three stable."""
        turn = self.turns[index]
        words = MASKED.get(index, turn["text"]).split()
        return [
            Draft(
                call_id=self.call_id, stream=_stream(turn), leg=turn["leg"], segment=index, revision=count,
                start_ms=turn["start_ms"], end_ms=turn["start_ms"] + count * 300, text=" ".join(words[:count]),
                stable=len(" ".join(words[: max(0, count - 3)])), language="es",
            )
            for count in range(4, len(words) + 1, 4)
        ]  # fmt: skip

    def turn(self, index: int) -> list[Fact]:
        """The final of the turn and all that was read in it."""
        turn = self.turns[index]
        said = self._transcript(index, turn)
        where = {"stream": said.stream, "leg": said.leg, "start_ms": said.start_ms, "end_ms": said.end_ms}
        made: list[Fact] = [said]
        if label := SENTIMENT.get(index):
            made.append(self._insight("sentiment", said, value=label, score=LEVEL[index], **where))
            mood, score = MOOD.get(index, ("positive", 0.5))
            made.append(self._insight("mood", said, value=mood, score=score, **where))
        if intent := INTENT.get(index):
            made.append(self._insight("intent", said, value=intent, score=0.9, **where))
        made += self._judged(index, said, where)
        if card := CARDS.get(index):
            made.append(self._card(said, card, where))
        return made

    def playbook(self, *, done: int = 0, step: str = "offer") -> list[Fact]:
        """The call stands in the second stage; so many of its steps are ticked, by the first turns. Of its slots one is
        open."""
        texts = {
            "verify": "Verifique la identidad antes de nombrar la deuda",
            "offer": "Ofrezca un acuerdo que el cliente pueda cumplir",
        }
        ticks: list[dict[str, Any]] = [
            {"done": True, "turn": number + 1} if number < done else {} for number in range(len(texts))
        ]
        state = {
            "playbook": "collections",
            "version": "1",
            "title": "Cobranza",
            "stage": "debt",
            "stages": [{"stage": "opening", "title": "Apertura"}, {"stage": "debt", "title": "La deuda"}],
            "steps": [
                {"step": name, "text": text, **tick} for (name, text), tick in zip(texts.items(), ticks, strict=True)
            ],
            "next": step,
            "slots": [
                {"slot": "amount", "text": "Monto prometido", "value": "$450.000", "last4": "", "turn": 1},
                {"slot": "date", "text": "Fecha prometida", "value": "", "last4": ""},
                {"slot": "phone", "text": "Teléfono confirmado", "value": "", "last4": "7890", "turn": 2},
            ],
        }
        return [self._event("playbook.changed", 0, state)]

    def worded(self, card: Suggestion) -> list[Fact]:
        """The site's language model has put the card's answer into words, with another article's help."""
        sources = [
            {"number": 1, "article": card.article, "title": card.title, "body": card.body},
            {"number": 2, "article": "pago-pse", "title": "Pago por PSE", "body": "Se paga **hoy** en el banco."},
        ]
        text = "Puede pagar en hasta seis cuotas sin intereses de mora [1]. También puede pagar hoy por PSE [2]."
        data = {"of": card.seq, "article": card.article, "text": text, "sources": sources}
        return [self._event("card.worded", card.end_ms + 900, data)]

    def end(self) -> list[Fact]:
        return [self._event("call.ended", 101_000, {"reason": "bye"})]

    def _judged(self, index: int, said: Transcript, where: dict[str, Any]) -> list[Fact]:
        if index == 0:
            quote = "Esta llamada está siendo grabada"
            return [
                self._rule(said, quote, "CO-REC-NOTICE", "Avisar que la llamada se graba", "satisfied", where),
                self._rule(said, "le habla Andrea Rojas", "CO-ID", ID_TITLE, "satisfied", where),
            ]
        if index == 4:
            title = "No se puede preguntar por qué no ha pagado"
            return [self._rule(said, "¿Por qué no ha pagado?", "CO-2300-WHY", title, "violation", where)]
        if index == 10:
            settled = {"turn": said.turn, "text": "[card].", "masks": [{"start": 0, "end": 90, "label": "card"}]}
            entity = self._insight(
                "entity", said, value="[card]", entity_type="CARD", start=0, end=90, last4="6467", score=0.99, **where
            )
            title = "Número de tarjeta dicho en voz alta"
            return [
                self._event("text.settled", said.end_ms, settled),
                entity,
                self._rule(said, "[card]", "PCI-PAN", title, "event", where),
            ]
        return []

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _event(self, name: Any, at_ms: int, data: dict[str, Any]) -> CallEvent:
        return CallEvent(call_id=self.call_id, seq=self._next(), name=name, start_ms=at_ms, end_ms=at_ms, data=data)

    def _transcript(self, index: int, turn: dict[str, Any]) -> Transcript:
        seq = self._next()
        return Transcript(
            call_id=self.call_id, seq=seq, turn=seq, stream=_stream(turn), leg=turn["leg"], language="es",
            start_ms=turn["start_ms"], end_ms=turn["end_ms"], text=MASKED.get(index, turn["text"]), confidence=0.93,
            measured=Measured(stamps=_stamps()),
        )  # fmt: skip

    def _insight(self, kind: Any, said: Transcript, **fields: Any) -> Insight:
        return Insight(call_id=self.call_id, seq=self._next(), kind=kind, turn=said.turn, **fields)

    def _rule(
        self, said: Transcript, quote: str, rule: str, title: str, outcome: Any, where: dict[str, Any]
    ) -> Insight:
        evidence = Evidence(turn=said.turn, leg=said.leg, quote=quote, start=0, end=len(quote), start_ms=said.start_ms)
        return self._insight(
            "compliance", said, value=title, rule=rule, outcome=outcome, evidence=(evidence,), score=0.97,
            severity="critical" if outcome == "violation" else "info",
            measured=Measured(stamps=_stamps()), **where,
        )  # fmt: skip

    def _card(self, said: Transcript, card: tuple[str, str, str, str], where: dict[str, Any]) -> Suggestion:
        article, title, body, trigger = card
        evidence = Evidence(turn=said.turn, leg=said.leg, quote=said.text, start=0, end=len(said.text))
        return Suggestion(
            call_id=self.call_id, seq=self._next(), turn=said.turn, article=article, title=title, body=body,
            score=0.88, trigger=trigger, evidence=(evidence,), measured=Measured(stamps=_stamps()), **where,
        )  # fmt: skip


def _stream(turn: dict[str, Any]) -> str:
    return "1" if turn["leg"] == "customer" else "2"


def _stamps() -> Stamps:
    now = time.monotonic() * 1000
    return Stamps(heard=now - 640, transcribed=now - 36, decided=now - 12)

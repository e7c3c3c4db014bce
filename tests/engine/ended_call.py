"""A call that was scored, summed up and has ended, as its facts stand in the store."""

from engine.facts import CallEvent, Evidence, Fact, Insight, Suggestion, Transcript

REASON = "Quiero pagar mi deuda en cuotas."
WHY = "¿Por qué no ha pagado?"
PROPOSAL = {
    "summary": f"Motivo: «{REASON}»",
    "language": "es",
    "disposition": "promise_to_pay",
    "confidence": 0.6,
    "choices": [
        {
            "code": "promise_to_pay", "title": "Promesa de pago", "confidence": 0.6, "intent": "payment_arrangement",
            "turn": 2,
        },
        {"code": "callback", "title": "Volver a llamar", "intent": "callback_request"},
    ],
    "reason": {"text": REASON, "turn": 2, "leg": "customer"},
    "follow_ups": [{"text": "Le enviaremos el recibo.", "turn": 5, "leg": "agent", "due": "2026-12-01"}],
}  # fmt: skip
ITEMS = [
    {"item": "notice", "title": "Avisó", "weight": 10.0, "answer": "yes"},
    {"item": "empathy", "title": "Empatía", "weight": 10.0, "answer": "open", "auto": False},
]
SCORE = {
    "form": "collections",
    "version": 0,
    "pass_score": 80.0,
    "items": ITEMS,
    "score": 100.0,
    "passed": True,
    "open": 1,
}


def ended_call(call_id: str = "call-1") -> list[Fact]:
    """Facts 1 to 8: the alert is 4, the card 3, the end 8."""
    proof = Evidence(turn=1, leg="agent", quote=WHY, start=0, end=len(WHY))
    where = {"call_id": call_id, "language": "es"}
    return [
        Transcript(seq=1, turn=1, text=WHY, leg="agent", stream="2", **where),  # type: ignore[arg-type]
        Transcript(seq=2, turn=2, text=REASON, leg="customer", stream="1", **where),  # type: ignore[arg-type]
        Suggestion(call_id=call_id, seq=3, turn=2, article="payment-plan", title="Plan", body="…", score=0.9),
        Insight(
            call_id=call_id, seq=4, turn=1, kind="compliance", rule="CO-2300-WHY", rule_version="2", value="Por qué",
            outcome="violation", severity="critical", evidence=(proof,), leg="agent",
        ),
        CallEvent(call_id=call_id, seq=5, name="talk.measured", data={"whole": True}),
        CallEvent(call_id=call_id, seq=6, name="qa.scored", end_ms=60_000, data=SCORE),
        CallEvent(call_id=call_id, seq=7, name="wrap_up.proposed", end_ms=60_000, data=PROPOSAL),
        CallEvent(call_id=call_id, seq=8, name="call.ended", end_ms=60_000, data={"reason": "bye"}),
    ]  # fmt: skip

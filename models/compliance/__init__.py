"""Compliance: what a call owes, forbids and reports, judged from dated rules with the words as proof."""

from models.compliance.detectors import Detectors, load_detectors
from models.compliance.hearing import CallContext, EntityRef, JudgedTurn, Verdict, to_spoken
from models.compliance.judge import Judge
from models.compliance.rules import Rule, check_rules, default_direction, load_rules, render_table, select
from models.compliance.trials import explain, run_trials

__all__ = [
    "CallContext",
    "Detectors",
    "EntityRef",
    "Judge",
    "JudgedTurn",
    "Rule",
    "Verdict",
    "check_rules",
    "default_direction",
    "explain",
    "load_detectors",
    "load_rules",
    "render_table",
    "run_trials",
    "select",
    "to_spoken",
]

"""Compliance: what a call owes, forbids and reports, judged from dated rules with the words as proof."""

from models.compliance.detectors import Detectors, load_detectors
from models.compliance.explaining import account, account_of_call, describe
from models.compliance.hearing import CallContext, EntityRef, JudgedTurn, Verdict, to_spoken
from models.compliance.judge import Judge
from models.compliance.metadata import Attempt, Metadata
from models.compliance.rules import Rule, default_direction, load_rules, render_table, select
from models.compliance.site_rules import open_rules, own_rules, with_own
from models.compliance.trials import explain, run_trials
from models.compliance.validation import check_rules

__all__ = [
    "Attempt",
    "CallContext",
    "Detectors",
    "EntityRef",
    "Judge",
    "JudgedTurn",
    "Metadata",
    "Rule",
    "Verdict",
    "account",
    "account_of_call",
    "check_rules",
    "default_direction",
    "describe",
    "explain",
    "load_detectors",
    "load_rules",
    "open_rules",
    "own_rules",
    "render_table",
    "run_trials",
    "select",
    "to_spoken",
    "with_own",
]

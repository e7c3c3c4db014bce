"""`make interop`: every protocol × what it must hold, as the tests have just shown it.

Cells come from tests marked `interop(protocol, column)`, and from the tests of SIP's real peers by their names. A cell
says `yes`, `NO`, or a letter whose reason stands below the table.
"""

import string
import sys
from collections import defaultdict

import pytest

from tests.media.sockets.clients import CLIENTS

COLUMNS = (
    "connects",
    "legs right",
    "audio exact",
    "silence",
    "pause",
    "change",
    "abnormal end",
    "bad auth",
    "malformed input",
)
"""`silence`: time without sound has its length; `pause`: hold and resume; `change`: transfer or new metadata."""


SIP, SIPREC = "SIP", "SIPREC"
CHROMIUM = "desk's phone (Chromium)"
RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("test_sipp.py::test_siprec_source_with_two_legs", SIPREC, ("connects", "legs right")),
    ("test_sipp.py::test_siprec_source_that_holds", SIPREC, ("pause", "change")),
    ("test_siprec.py::test_speakers_of_every_vendor", SIPREC, ("legs right",)),
    ("test_siprec.py::test_any_bytes", SIPREC, ("malformed input",)),
    ("test_sipp_scenarios.py::test_recording_of_every_vendor", SIPREC, ("connects",)),
    ("test_sipp_scenarios.py::test_call_flows", SIPREC, ("pause", "change", "abnormal end")),
    ("test_sipp_scenarios.py::test_participants", SIPREC, ("change",)),
    ("test_rtp_plane.py::test_two_legs_are_heard", SIPREC, ("audio exact",)),
    ("test_rtp_plane.py::test_the_clock_goes_on", SIPREC, ("silence",)),
    ("test_server.py::test_silent_peer", SIPREC, ("abnormal end",)),
    ("test_trunk_line.py::test_trunk_with_an_account", SIPREC, ("bad auth",)),
    ("test_sipp.py::test_plain_callers", SIP, ("connects",)),
    ("test_server.py::test_plain_call_has_one_stream", SIP, ("legs right",)),
    ("test_rtp_plane.py::test_real_packets_on_loopback", SIP, ("audio exact",)),
    ("test_rtp_plane.py::test_a_speaker_who_falls_silent", SIP, ("silence",)),
    ("test_robustness.py::test_music_on_hold", SIP, ("pause",)),
    ("test_sipp_scenarios.py::test_transfer_by_refer", SIP, ("change",)),
    ("test_takeover.py::", SIP, ("change",)),
    ("test_sipp_scenarios.py::test_cancel", SIP, ("abnormal end",)),
    ("test_server.py::test_cancel_before_the_answer", SIP, ("abnormal end",)),
    ("test_trunk_line.py::test_trunk_with_an_account", SIP, ("bad auth",)),
    ("test_sipp_scenarios.py::test_digest", SIP, ("bad auth",)),
    ("test_torture.py::", SIP, ("malformed input",)),
    ("test_fuzz.py::", SIP, ("malformed input",)),
    ("test_baresip.py::", "SIP (baresip)", ("connects",)),
    ("test_baresip_tls.py::", "SIP (baresip, TLS)", ("connects",)),
    ("test_rtpengine.py::", "rtpengine", ("connects", "legs right")),
    ("test_audiohook_call.py::", "audiohook", ("connects", "legs right")),
    ("test_kamailio.py::", "SIPREC (Kamailio)", ("connects",)),
    ("test_phone.py::test_a_call_is_accepted_heard", CHROMIUM, ("connects",)),
    ("test_phone.py::test_hold_mute_and_keys", CHROMIUM, ("pause",)),
    ("test_phone.py::test_a_number_is_dialled", CHROMIUM, ("change",)),
    ("test_phone.py::test_a_reload_of_the_page", CHROMIUM, ("abnormal end",)),
    ("test_softphone.py::", CHROMIUM, ("legs right", "abnormal end")),
    ("test_recording_source.py::test_both_sides", "bridge", ("connects", "legs right")),
    ("test_recording_source.py::test_hold", "bridge", ("pause",)),
    ("test_recording_source.py::test_who_takes_over", "bridge", ("change",)),
    ("test_recording_source.py::test_engine_that_starts_anew", "bridge", ("abnormal end",)),
    ("test_exchange.py::test_call_goes_through", "bridge", ("audio exact",)),
    ("test_exchange.py::test_side_that_vanishes", "bridge", ("abnormal end",)),
    ("test_exchange.py::test_next_process_says_bye", "bridge", ("abnormal end",)),
    ("sip/test_bridge.py::test_callers_voice", "bridge (sipp)", ("connects", "audio exact")),
    ("sip/test_bridge.py::test_call_flows_of_a_caller[hold", "bridge (sipp)", ("pause",)),
    ("sip/test_bridge.py::test_blind_transfer_by_a_caller", "bridge (sipp)", ("change",)),
    ("sip/test_bridge.py::test_caller_who_gives_up", "bridge (sipp)", ("abnormal end",)),
    ("sip/test_bridge.py::test_killed_bridge", "bridge", ("abnormal end",)),
    ("sip/test_bridge.py::test_two_telephones", "bridge (baresip)", ("connects", "audio exact")),
)
"""Tests that fill cells without a mark: part of their node id, the protocol, the columns."""

REASONS: dict[tuple[str, str], str] = {
    ("bridge", "silence"): "nothing is decoded there: packets are passed on with the gaps that they came with",
    ("bridge", "bad auth"): "its trunks pass the same gate as those of SIP",
    ("bridge", "malformed input"): "it is the same SIP endpoint",
    ("rtpengine", "bad auth"): "NG has no authentication: rtpengine listens on a private address",
    ("rtpengine", "silence"): "its sound is RTP, placed as SIPREC's is",
    ("ari", "silence"): "its sound is RTP, placed as SIPREC's is",
    ("rtpengine", "pause"): "NG tells of no hold; what is not sent is silence",
    ("desk's phone", "silence"): "a browser sends silence as packets; the bridge relays what comes",
    ("whip", "silence"): "its sound is RTP, placed as SIPREC's is",
    ("whip", "pause"): "RFC 9725 has no hold",
    ("whip", "change"): "RFC 9725 publishes one voice to its end",
    (CHROMIUM, "audio exact"): "its encoder and noise suppression are not exact; the envelope is compared",
}
"""Of cells that no test fills."""
SAME_ROAD = "once its call is up, it goes the road of the row without brackets"

PATHS = (
    "tests/media/sockets",
    "tests/media/sip",
    "tests/media/bridge/test_exchange.py",
    "tests/media/bridge/test_phone.py",
    "tests/media/bridge/test_recording_source.py",
    "tests/media/bridge/test_whip.py",
    "tests/media/test_siprec.py",
    "tests/media/test_rtp_plane.py",
)
REAL = (
    "tests/real/sip",
    "tests/real/test_audiohook_call.py",
    "tests/real/test_softphone.py",
    "tests/browser/test_phone.py",
)
"""With `--real`: the peers that take minutes."""
Cell = tuple[str, str]


class Cells:
    """A pytest plugin that keeps what each cell's tests came to."""

    def __init__(self) -> None:
        self.found: dict[Cell, list[str]] = defaultdict(list)
        self._named: dict[str, list[Cell]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = []
        for item in items:
            if cells := _cells(item):
                self._named[item.nodeid] = cells
                kept.append(item)
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for cell in self._named[report.nodeid]:
            if report.skipped:
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
                self.found[cell].append(reason.removeprefix("Skipped: "))
            elif report.failed:
                self.found[cell].append("NO")
            elif report.when == "call":
                self.found[cell].append("yes")


def _cells(item: pytest.Item) -> list[Cell]:
    cells = [(mark.args[0], mark.args[1]) for mark in item.iter_markers("interop")]
    cells += [(protocol, column) for part, protocol, columns in RULES if part in item.nodeid for column in columns]
    return cells


def table(found: dict[Cell, list[str]]) -> str:
    """Rows of protocols; reasons of empty cells below."""
    protocols = sorted({protocol for protocol, _ in found}, key=lambda name: (not name.startswith("SIP"), name))
    reasons: dict[str, str] = {}
    width = max(map(len, [*protocols, "protocol"]))
    lines = ["  ".join([f"{'protocol':{width}}", *COLUMNS])]
    for protocol in protocols:
        cells = [_shown(found.get((protocol, column)) or [_why(protocol, column)], reasons) for column in COLUMNS]
        row = [f"{cell:{len(column)}}" for cell, column in zip(cells, COLUMNS, strict=True)]
        lines.append("  ".join([f"{protocol:{width}}", *row]))
    lines += ["", *(f"{letter}: {reason}" for reason, letter in reasons.items())]
    return "\n".join(lines)


def _shown(outcomes: list[str], reasons: dict[str, str]) -> str:
    if "NO" in outcomes:
        return "NO"
    if "yes" in outcomes:
        return "yes"
    return reasons.setdefault(outcomes[0], string.ascii_lowercase[len(reasons) % 26])


def _why(protocol: str, column: str) -> str:
    """Why a cell is empty."""
    lacks = next((client.lacks for client in CLIENTS if client.name == protocol), {})
    return (
        REASONS.get((protocol, column)) or lacks.get(column) or (SAME_ROAD if "(" in protocol else "no test of it here")
    )


def main() -> int:
    cells = Cells()
    paths = [*PATHS, *REAL] if "--real" in sys.argv else list(PATHS)
    pytest.main(["-q", "--no-header", "--no-summary", "-p", "no:cacheprovider", *paths], plugins=[cells])
    sys.stdout.write(table(cells.found) + "\n")
    return 1 if any("NO" in outcomes for outcomes in cells.found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the far end of a recorded call is played, by campaign: words from a file, a tone, beeps."""

from pathlib import Path

from engine.ports.intake import Notice, Routing

FOLDER = "notices"
"""Under `DATA_DIR`: `CAMPAIGN_ID.es.wav`, `CAMPAIGN_ID.wav` or `es.wav`, the first of them that is there."""


def notice_of(routing: Routing, data_dir: Path) -> Notice | None:
    """None where the campaign wants neither a notice nor beeps."""
    if not (routing.notice or routing.beep_s):
        return None
    names = [f"{routing.campaign_id}.{routing.language}", routing.campaign_id, routing.language]
    files = tuple(str(data_dir / FOLDER / f"{name}.wav") for name in names if name and not name.endswith("."))
    return Notice(files, routing.notice, routing.beep_s)

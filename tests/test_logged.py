"""A test that listens to the logs takes nothing from those that follow it."""

import json
import logging

import structlog
from structlog.testing import capture_logs

from tests.logged import logged


def test_a_logger_that_was_first_used_in_one_test_is_heard_in_the_next() -> None:
    root, log = logging.getLogger(), structlog.get_logger("a.module")
    before = root.handlers[:], root.level
    for _ in range(2):
        with logged("debug") as stream:
            log.debug("call.begun")
        assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["call.begun"]
    with capture_logs() as logs:
        log.info("call.ended")
    assert logs == [{"event": "call.ended", "log_level": "info"}]
    assert (root.handlers[:], root.level) == before

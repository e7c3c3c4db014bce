"""What every test shares."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

# No test is timed: a busy machine must not make one fail.
# The same examples in every run, and however slow the machine is.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _logs_are_as_they_were() -> Iterator[None]:
    """A test that sets up logs for good takes the lines of loggers that it is the first to use from all that follow."""
    yield
    assert not structlog.get_config()["cache_logger_on_first_use"], "let it listen with tests.logged"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def weights_dir(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where real weights are installed for tests: once for all runs, or where pytest keeps no cache, for this one."""
    cache = getattr(pytestconfig, "cache", None)
    folder: Path = cache.mkdir("models") if cache else tmp_path_factory.mktemp("models")
    return folder

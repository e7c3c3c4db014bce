"""What a process may use of a machine."""

import os
from pathlib import Path

import pytest

from engine.cores import cores

BOUND = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
HALF = "50000 100000\n"


def files(folder: Path, membership: str, limits: dict[str, str]) -> tuple[Path, Path]:
    """A hierarchy of control groups, and who is in which of them."""
    groups = folder / "cgroup"
    for name, limit in limits.items():
        (groups / name).mkdir(parents=True, exist_ok=True)
        (groups / name / "cpu.max").write_text(limit)
    own = folder / "self"
    own.write_text(membership)
    return groups, own


@pytest.mark.parametrize(
    ("membership", "limits", "allowed"),
    [
        ("0::/\n", {"": HALF}, 0.5),  # a container that sees its own group as the root
        ("1:cpu:/x\n0::/system.slice/welcomedly.service\n", {"system.slice/welcomedly.service": HALF}, 0.5),
        ("0::/pods/one\n", {"pods": HALF, "pods/one": "max 100000\n"}, 0.5),
        ("0::/pods/one\n", {"pods": "400000000 100000\n", "pods/one": "25000 100000\n"}, 0.25),
        ("0::/\n", {"": "max 100000\n"}, BOUND),
        ("0::/../elsewhere\n", {"": "nonsense\n"}, BOUND),
        ("1:cpu:/\n", {"": HALF}, BOUND),  # groups of v1, which are not looked at
        ("", {}, BOUND),
    ],
)
def test_it_is_what_the_groups_allow(membership: str, limits: dict[str, str], allowed: float, tmp_path: Path) -> None:
    assert cores(*files(tmp_path, membership, limits)) == allowed


def test_without_groups_it_is_what_the_process_is_bound_to(tmp_path: Path) -> None:
    assert cores(tmp_path / "none", tmp_path / "nobody") == BOUND

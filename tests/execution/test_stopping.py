"""The rule by which a snippet is ended, on readings that are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rlaif.execution.inside.stopping import PATIENCE, Bounds, Reading, needs_readings, reason_to_stop

LIMIT = 10.0
BOUNDS = Bounds(timeout_s=LIMIT, memory_bytes=1000, disk_bytes=100)
IDLE = Reading(clock_s=LIMIT + 0.05, cpu_s=0.0, waited_s=0.0, memory_bytes=100, disk_bytes=0)


def at(clock_s: float, cpu_s: float | None, waited_s: float | None) -> Reading:
    return replace(IDLE, clock_s=clock_s, cpu_s=cpu_s, waited_s=waited_s)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        pytest.param(at(LIMIT - 0.1, 9.9, 0.0), "", id="in time"),
        pytest.param(at(LIMIT + 0.1, 0.0, 0.0), "timeout", id="sleeps"),
        pytest.param(at(LIMIT + 0.1, 10.05, 0.05), "timeout", id="loops on an idle machine"),
        pytest.param(at(LIMIT + 0.1, 5.0, 5.1), "", id="loops beside another"),
        pytest.param(at(2 * LIMIT + 0.3, 10.1, 10.2), "timeout", id="and then has had its time"),
        pytest.param(at(LIMIT + 0.1, 2.0, 0.5), "", id="sleeps and waits a little"),
        pytest.param(at(LIMIT + 0.7, 2.0, 0.5), "timeout", id="and then has had its time, too"),
        pytest.param(at(LIMIT + 0.1, 10.3, 40.0), "timeout", id="many threads that wait for each other"),
        pytest.param(at(3.9 * LIMIT, 1.0, 38.0), "", id="hardly runs"),
        pytest.param(at(4.1 * LIMIT, 1.0, 40.0), "starved", id="hardly ran"),
        pytest.param(at(4.1 * LIMIT, 1.0, 2.0), "timeout", id="slept through it"),
        pytest.param(at(LIMIT + 0.1, None, None), "timeout", id="nothing is known"),
        pytest.param(at(LIMIT + 0.1, 3.0, None), "timeout", id="waiting is not known"),
        pytest.param(at(LIMIT + 0.1, None, 5.0), "", id="running is not known"),
    ],
)
def test_time_counts_where_it_could_run(now: Reading, reason: str) -> None:
    assert PATIENCE == 4.0
    assert reason_to_stop(IDLE, now, BOUNDS) == reason


OVER = at(LIMIT + 0.1, 10.05, 0.0)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        pytest.param((230, 0), (260, 0), "memory", id="past a quarter of the memory, and taking more"),
        pytest.param((800, 0), (800, 0), "timeout", id="past most of it, and at rest"),
        pytest.param((900, 0), (600, 0), "timeout", id="giving it back"),
        pytest.param((100, 0), (240, 0), "timeout", id="at a pace that is too slow"),
        pytest.param((-10, 0), (-5, 0), "timeout", id="less than it started with"),
        pytest.param((None, 0), (None, 0), "timeout", id="not known"),
        pytest.param((100, 20), (100, 26), "disk", id="past a quarter of the disk, and writing"),
        pytest.param((100, 80), (100, 80), "timeout", id="past most of the disk, and at rest"),
        pytest.param((600, 60), (700, 70), "memory", id="both"),
    ],
)
def test_what_is_on_its_way_to_a_bound_is_not_accused_of_being_late(
    before: tuple[int | None, float], now: tuple[int | None, float], reason: str
) -> None:
    first = replace(OVER, clock_s=LIMIT - 0.4, memory_bytes=before[0], disk_bytes=before[1])
    assert reason_to_stop(first, replace(OVER, memory_bytes=now[0], disk_bytes=now[1]), BOUNDS) == reason


def test_a_bomb_that_waits_is_given_the_time_to_go_off() -> None:
    first, now = replace(IDLE, memory_bytes=60), replace(at(LIMIT + 0.1, 2.0, 8.0), memory_bytes=100)
    assert reason_to_stop(first, now, BOUNDS) == ""
    late = replace(now, clock_s=4.1 * LIMIT, waited_s=39.0)  # which leaves it a fifth of its time
    assert reason_to_stop(first, late, BOUNDS) == "memory"
    assert reason_to_stop(first, replace(late, memory_bytes=70), BOUNDS) == "memory"
    assert reason_to_stop(first, replace(late, memory_bytes=50), BOUNDS) == "starved"


def test_more_than_the_disk_ends_it_at_once() -> None:
    for clock_s in (0.1, LIMIT + 0.1):
        assert reason_to_stop(None, at(clock_s, 0.0, 0.0), BOUNDS) != "disk"
        assert reason_to_stop(None, replace(at(clock_s, 0.0, 0.0), disk_bytes=100.5), BOUNDS) == "disk"
        assert reason_to_stop(None, replace(at(clock_s, 0.0, 0.0), disk_bytes=float("inf")), BOUNDS) == "disk"


@pytest.mark.parametrize("timeout_s", [0.02, 0.3, 1.5, 60.0])
def test_nothing_is_read_until_the_time_is_nearly_over(timeout_s: float) -> None:
    bounds = replace(BOUNDS, timeout_s=timeout_s)
    assert not needs_readings(timeout_s * 0.4, bounds)
    assert needs_readings(timeout_s, bounds)
    assert not needs_readings(timeout_s - 0.6, bounds)

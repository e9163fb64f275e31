"""When a snippet is ended, and what for: the one rule, from what it has used so far.

- More on disk than the bound: at once ("disk").
- Its time is what it could use: a second that it waited for a CPU, because the machine was busy
  with others or a container had used up its share, does not count. So a program that sleeps, or
  loops on an idle machine, is out of time when the clock says so. It is never given more than
  `PATIENCE` times its limit by the clock.
- When its time is over, a program that still takes more memory or disk, at a pace at which it
  would have all that it may have within `PATIENCE` times its limit, is on its way to that bound
  ("memory", "disk"): the bound would have ended it on a faster machine.
- Otherwise it is out of time ("timeout"), its own fault; after `PATIENCE` times its limit it got
  too little of the machine to tell ("starved").

Only "timeout" is held against the code. Where waiting cannot be known (no /proc), the clock decides.
"""

from __future__ import annotations

from dataclasses import dataclass

PATIENCE = 4.0
"""How many times its time limit a snippet may take by the clock, where the machine is too slow or too busy for it."""
GROWTH_WINDOW_S = 0.5
"""How far two readings are apart at most that tell whether it still takes more."""


@dataclass(frozen=True)
class Bounds:
    """What a snippet may use."""

    timeout_s: float
    memory_bytes: int
    """Address space, beyond what it has from its server."""
    disk_bytes: int


@dataclass(frozen=True)
class Reading:
    """What a snippet has used so far. None where it cannot be known."""

    clock_s: float
    """Since its start."""
    cpu_s: float | None
    waited_s: float | None
    """For a CPU."""
    memory_bytes: int | None
    disk_bytes: float


def needs_readings(clock_s: float, bounds: Bounds) -> bool:
    """Whether the time limit is so near that the rule is about to ask for more than the disk."""
    return clock_s > bounds.timeout_s - min(GROWTH_WINDOW_S, bounds.timeout_s / 2)


def reason_to_stop(before: Reading | None, now: Reading, bounds: Bounds) -> str:
    """Why to end it now: "disk", "memory", "timeout" or "starved"; empty to let it run.

    Args:
        before: a reading of about `GROWTH_WINDOW_S` ago, or the first.
    """
    if now.disk_bytes > bounds.disk_bytes:
        return "disk"
    if now.clock_s <= bounds.timeout_s:
        return ""
    out_of_time = _had_its_time(now, bounds.timeout_s)
    if not out_of_time and now.clock_s <= PATIENCE * bounds.timeout_s:
        return ""
    if before is not None:
        pace = PATIENCE * bounds.timeout_s / max(now.clock_s - (now.waited_s or 0.0), bounds.timeout_s / 10)
        if _is_on_its_way(before.memory_bytes, now.memory_bytes, bounds.memory_bytes, pace):
            return "memory"
        if _is_on_its_way(before.disk_bytes, now.disk_bytes, bounds.disk_bytes, pace):
            return "disk"
    return "timeout" if out_of_time else "starved"


def _had_its_time(now: Reading, timeout_s: float) -> bool:
    if now.waited_s is None:
        return True
    return now.clock_s - now.waited_s > timeout_s or (now.cpu_s is not None and now.cpu_s > timeout_s)


def _is_on_its_way(before: float | None, now: float | None, bound: int, pace: float) -> bool:
    return before is not None and now is not None and now > before and now * pace > bound

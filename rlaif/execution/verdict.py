"""What running a snippet comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlaif.data.visible import one_line

Status = Literal["pass", "fault", "unknown_api", "inconclusive"]

MAX_MESSAGE = 200


@dataclass(frozen=True)
class Verdict:
    """One snippet's verdict.

    - ``pass``: its last line ended normally, or it ended itself there as a program that has
      succeeded does: `sys.exit()` with nothing, None or 0, from within its last statement
      (such as a passing `unittest.main()`). Not from a `finally` that is on its way out
      with an error; and an exit before the last statement is a fault, whatever its status.
    - ``fault``: the code is at fault. Kinds: no_code, syntax, name, import (an invented
      module), api_absent (a module that is there has no such name), attribute, type, value,
      key, index, os, runtime (any other exception), timeout, exit (it ended itself before its
      last statement, or with another status than 0), crash (a signal), forged (it reaches
      for its own report).
    - ``unknown_api``: it asks for what the environment's hub does not have. Kinds:
      repository, revision, entry_point (of Torch Hub), api_id (of the others, and at level static).
    - ``inconclusive``: the code may be right, this environment cannot tell. Kinds:
      package_missing (a real package that is not installed), environment (a library that
      does not work with another one here), mirror_gap (a library fails on a hub entry whose
      own reference fails too), resource (network, local file, input, GPU, disk, a machine too busy to run it), memory,
      isolation (the sandbox forbids it, or failed), not_run.
    """

    status: Status
    kind: str
    """Empty on a pass."""
    message: str
    """One short line that every terminal, page and file can show, whatever made it."""
    line: int | None
    """Of the snippet, from 1; None where no line is to blame."""
    seconds: float
    raised_in: str = ""
    """Where an exception was raised: "snippet", "stdlib" or "library"; empty where there was none."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message, MAX_MESSAGE))

"""The table of architectures for the documentation.

    python -m tests.architectures.table        writes experiments/ppo/architectures.md
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import transformers

from rlaif.models.ways import way_of
from rlaif.rl.sampling.trial import is_static_right
from tests.architectures.columns import COLUMNS, EXACT, Subject, cell
from tests.architectures.configs import CONFIGS

PAGE = Path(__file__).resolve().parents[2] / "experiments/ppo/architectures.md"
FIRST_LINES = f"""# Which architectures are right

Written by `python -m tests.architectures.table`; `tests/rl/test_architectures.py` measures every cell again. Each is a
tiny random model, compared with forward passes of the untouched model over each sequence alone: log-probabilities to
{EXACT:g} nats in fp32. *Refused*: a one-line error when the trainer is made. What is not in the table is tried when a
trainer is made, on three short prompts, and refused where sampler, training pass and lone forward pass disagree.

*Decoding*: how prompts of unequal length share a batch. **Padded** on the left, with mask and positions; **aligned**,
without padding: long prompts are read token by token beside rows that already answer (recurrent states, positions
counted in the cache); **single**, each row by itself; **recomputed**, without a cache. The first that is right is
taken. *Static*: whether a GPU decodes with a static cache and a compiled step; where not, both static columns are of
decoding as without it.
"""


def row(name: str) -> list[str]:
    """An architecture's cells: how it decodes, whether statically, and COLUMNS."""
    subject = Subject(name)
    cells = [cell(subject, check) for check in COLUMNS.values()]
    is_static = is_static_right(subject.plain.actor_critic)
    return [name, way_of(subject.model).value, "yes" if is_static else "no", *cells]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def header() -> str:
    names = ["architecture", "decoding", "static", *COLUMNS]
    return f"{line(names)}\n|{'---|' * len(names)}"


def main() -> None:
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    rows = [row(name) for name in CONFIGS]
    num_right = sum(all(one == "right" for one in cells[3:]) for cells in rows)
    lines = [FIRST_LINES, f"{num_right} of {len(rows)} are right in everything.\n", header(), *map(line, rows)]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

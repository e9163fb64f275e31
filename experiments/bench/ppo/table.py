"""The results as Markdown."""

from __future__ import annotations

import json
from typing import Any

from experiments.bench.ppo.variants import OURS

MEASURES = "CPU s | of these the kernel's | after building | peak RSS, GB | steps | mean response"


def as_table(result: dict[str, Any]) -> str:
    """A table of comparisons, and one of ablations where there are any."""
    lines = [
        f"| GPT-2 shape | what | trainer | {MEASURES} | CPU, TRL / ours | after building | peak, ours / TRL |",
        "|---|---|---|" + "---:|" * 9,
    ]
    for found in result["comparisons"]:
        lines += comparison_rows(found)
    if result["ablations"]:
        lines += [
            "",
            f"| GPT-2 shape | what | ours without | {MEASURES} | CPU, times ours | peak, times ours |",
            "|---|---|---|" + "---:|" * 8,
        ]
    for found in result["ablations"]:
        lines += ablation_rows(found)
    lines += [
        "",
        "What: lengths, rollouts of a run x turns, commit. Medians over the turns; the mean response is over all runs, "
        "EOS included. The first CPU column is the whole process's, imports included, and so is the first factor. "
        + json.dumps(result["machine"]),
    ]
    return "\n".join(lines) + "\n"


def comparison_rows(found: dict[str, Any]) -> list[str]:
    """Factors stand in the row of each of TRL's settings; the fastest of them is in bold."""
    variants = found["variants"]
    ours = variants[OURS]
    fastest = min((row["cpu_s"], name) for name, row in variants.items() if name != OURS)[1]
    rows = []
    for name, row in variants.items():
        factors = ["", "", ""]
        if name != OURS:
            factors = [
                f"{row['cpu_s'] / ours['cpu_s']:.2f}x",
                f"{row['train_cpu_s'] / ours['train_cpu_s']:.2f}x",
                f"{ours['peak_rss_gb'] / row['peak_rss_gb']:.2f}",
            ]
        if name == fastest:
            factors = [f"**{factor}**" for factor in factors]
        rows.append(table_row(found["shape"], what(found), name, measures(row), *factors))
    return rows


def ablation_rows(found: dict[str, Any]) -> list[str]:
    variants = found["variants"]
    ours = variants[OURS]
    return [
        table_row(
            found["shape"],
            what(found),
            "nothing: all of it" if name == OURS else name,
            measures(row),
            f"{row['cpu_s'] / ours['cpu_s']:.2f}",
            f"{row['peak_rss_gb'] / ours['peak_rss_gb']:.2f}",
        )
        for name, row in variants.items()
    ]


def what(found: dict[str, Any]) -> str:
    return f"{found['lengths']}, {found['rollouts']} x{found['turns']} at {found['commit']}"


def measures(row: dict[str, float]) -> str:
    return (
        f"{row['cpu_s']:.1f} | {row['system_s']:.1f} | {row['train_cpu_s']:.1f} | {row['peak_rss_gb']:.2f}"
        f" | {row['num_optimizer_steps']:.0f} | {row['mean_response_tokens']:.1f}"
    )


def table_row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"

"""PPO learns from a reward function alone: executability on the embedded data, minutes on a laptop.

    python -m experiments.ppo.learn [OVERRIDES ...]

Fine-tunes the tiny policy as `make demo` does, then improves it with executability as the only
reward: no judge, no pairs, no reward model. Writes results/learn.json and .png beside this file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from experiments.results import launch, locate

RESULTS = Path(__file__).with_name("results")
OVERRIDES = ("stage=ppo", "reward.terms.model=0", "reward.terms.executability=1")


def main() -> None:
    overrides = [*OVERRIDES, *sys.argv[1:]]
    launch(*overrides)
    run = locate(*overrides)["ppo"]
    rollouts = run.history()
    RESULTS.mkdir(exist_ok=True)
    result = {"overrides": overrides, "provenance": run.provenance, "rollouts": rollouts}
    (RESULTS / "learn.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(rollouts, RESULTS / "learn.png")


def draw(rows: list[dict[str, float]], path: Path) -> None:
    """Score, and what it cost in KL, over rollouts."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps = [row["step"] for row in rows]
    figure, (score, kl) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    score.plot(steps, [100 * row["ppo/score/executability"] for row in rows], marker="o")
    score.set(xlabel="rollout", ylabel="executable completions, %")
    kl.plot(steps, [row["ppo/k3_per_sequence"] for row in rows], marker="o", color="tab:orange")
    kl.set(xlabel="rollout", ylabel="KL to SFT, nats a completion")
    for axis in (score, kl):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


if __name__ == "__main__":
    main()

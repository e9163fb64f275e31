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
ROLLOUT, HELD_OUT = "ppo/score/executability", "ppo/held_out/executability"
OVERRIDES = ("stage=ppo", "reward.terms.model=0", "reward.terms.executability=1")


def main() -> None:
    overrides = [*OVERRIDES, *sys.argv[1:]]
    launch(*overrides)
    run = locate(*overrides)["ppo"]
    history = run.history()
    RESULTS.mkdir(exist_ok=True)
    result = {"overrides": overrides, "provenance": run.provenance, "history": history}
    (RESULTS / "learn.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    draw(history, RESULTS / "learn.png")


def curve(history: list[dict[str, float]], name: str) -> tuple[list[float], list[float]]:
    """The steps that logged `name`, and what: held-out prompts are looked at before the first rollout as well."""
    logged = [row for row in history if name in row]
    return [row["step"] for row in logged], [row[name] for row in logged]


def draw(history: list[dict[str, float]], path: Path) -> None:
    """Score, and what it cost in KL, over rollouts; and the share of held-out prompts' completions that run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (score, kl) = pyplot.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for name, label, style in ((ROLLOUT, "of the rollout", "o-"), (HELD_OUT, "of held-out prompts", "s--")):
        steps, shares = curve(history, name)
        score.plot(steps, [100 * share for share in shares], style, label=label)
    score.set(xlabel="rollout", ylabel="executable completions, %")
    score.legend()
    kl.plot(*curve(history, "ppo/k3_per_sequence"), "o-", color="tab:orange")
    kl.set(xlabel="rollout", ylabel="KL to SFT, nats a completion")
    for axis in (score, kl):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


if __name__ == "__main__":
    main()

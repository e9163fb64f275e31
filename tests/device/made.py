"""What `test_second_device` compares between devices: python made.py FOLDER [FOLDER_OF_FGPU] prints it as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

if len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])
    import fgpu  # noqa: F401

import torch

from rlaif.config import LocalJudgeConfig, LoraConfig, PolicyConfig, PolicyKind, Precision, RewardHead, ScratchConfig
from rlaif.feedback.local_judge import LocalModel
from rlaif.models.device import seeded
from rlaif.models.generation import generate
from rlaif.models.policy import Policy, add_lora, build_policy, load_policy, save_policy, uses_bf16
from rlaif.models.reward_model import RewardModel

TEXTS = ["load a model and print yes", "print(1 + 2)  # no", "import torch\nmodel = torch.hub.load('a', 'b')\n"] * 3
LENGTHS = {"max_prompt_tokens": 32, "max_new_tokens": 16}


def digest(policy: Policy) -> list[float]:
    return [round(tensor.detach().cpu().double().square().sum().item(), 9) for tensor in policy.model.parameters()]


def sampled(policy: Policy, temperature: float) -> list[tuple[int, ...]]:
    made = generate(policy.model, policy.tokenizer, TEXTS[:2], temperature=temperature, seed=1, batch_size=2, **LENGTHS)
    return [one.completion_ids for one in made]


def main(folder: Path) -> None:
    config = PolicyConfig(name="x", kind=PolicyKind.scratch, scratch=ScratchConfig(2, 2, 32, 300), **LENGTHS)
    policy = build_policy(config, TEXTS, seed=3)
    save_policy(policy, folder / "policy")
    loaded = load_policy(folder / "policy")
    adapted = add_lora(load_policy(folder / "policy"), LoraConfig(enabled=True, r=2), seed=5)
    reward = RewardModel.from_policy(loaded, RewardHead.scalar, seed=7, **LENGTHS)
    reward.save(folder / "reward")
    reward = RewardModel.load(folder / "reward")
    before = torch.get_rng_state()
    with seeded(1):
        torch.rand(3)
    judge = LocalModel(LocalJudgeConfig(path=str(folder / "policy")))
    models = [policy.model, loaded.model, adapted.model, reward.trunk, reward.head, judge._model]
    print(json.dumps({
        "devices": sorted({one.device.type for model in models for one in [*model.parameters(), *model.buffers()]}),
        "precision": uses_bf16(Precision.bf16, loaded.model.device),
        "shared": loaded.model.get_input_embeddings().weight is loaded.model.get_output_embeddings().weight,
        "stream": torch.equal(before, torch.get_rng_state()),
        "weights": digest(policy), "loaded": digest(loaded), "adapters": digest(adapted),
        "sampled": sampled(loaded, 1.0), "greedy": sampled(adapted, 0.0),
        "rewards": reward.score([(TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[2])]),
        "logprobs": judge._logprobs([[1, 2, 3], [4, 5]])[:, :20].flatten().tolist(),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))

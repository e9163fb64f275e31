"""What `test_processes` starts with `accelerate launch`: a short run whose metrics go to a file.

python two_processes.py RESULT OUTPUT_DIR [WORD ...]

resume      go on from the second rollout's checkpoint
adapters    LoRA on the policy, and a critic of its own
unused      a layer of the policy that is never called
experts     a policy of which each pass uses a part
leave       end with exchanges that nobody waits for
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from torch.distributed.tensor import DTensor
from transformers import GPT2Config, GPT2LMHeadModel, MixtralConfig, MixtralForCausalLM, PreTrainedTokenizerFast

from rlaif.rl import PPOConfig, PPOTrainer

WORDS = ["<eos>", "a", "b", "c", "d", "e", "f", "g"]
PROMPTS = [{"prompt": text} for text in ("a b", "c", "d e f", "g", "b", "a a a a")]

TEXTS = [{"prompt": prompt, "completion": text} for prompt, text in (("a b", "c d e"), ("c", "g"), ("g", "a b"))]


def share_of_a(prompts: list[str], completions: list[str], **columns: Any) -> list[float]:
    return [text.split().count("a") / 6 for text in completions]


SECONDS_TO_HANG = 120
"""A process that has not ended by then says where each of its threads is, and exits with an error."""


def main(result: str, output_dir: str, *words: str) -> None:
    faulthandler.dump_traceback_later(SECONDS_TO_HANG, exit=True)
    torch.set_num_threads(1)
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="a"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>", pad_token="<eos>")
    torch.manual_seed(int(os.environ.get("RANK", "0")))  # the first process's weights count
    shape = GPT2Config(vocab_size=8, n_embd=32, n_layer=2, n_head=2, n_positions=64, initializer_range=0.3,
                        bos_token_id=0, eos_token_id=0)
    logged: list[dict[str, float]] = []
    config = PPOConfig(
        output_dir=output_dir, seed=0, max_completion_length=6, max_prompt_length=8, total_episodes=4 * 10,
        rollout_batch_size=10, num_ppo_epochs=2, num_mini_batches=2, per_device_train_batch_size=3, learning_rate=1e-3,
        missing_eos_penalty=1.0, save_steps=2, save_total_limit=None, ptx_coef=0.5, ptx_batch_size=5,
    )  # fmt: skip
    parts: dict[str, Any] = {}
    if "adapters" in words:
        parts["peft_config"] = LoraConfig(r=4, target_modules=["c_attn"], task_type="CAUSAL_LM")
        parts["value_model"] = GPT2LMHeadModel(shape)
    policy: Any = GPT2LMHeadModel(shape)
    if "experts" in words:
        policy = MixtralForCausalLM(
            MixtralConfig(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=2,
                          num_attention_heads=2, num_key_value_heads=2, num_local_experts=8, num_experts_per_tok=1,
                          eos_token_id=0)
        )  # fmt: skip
    if "unused" in words:
        policy.transformer.never = torch.nn.Linear(4, 4)
    trainer = PPOTrainer(
        policy, share_of_a, config, PROMPTS, tokenizer,
        on_rollout=lambda step, metrics, rollout: logged.append({"step": step, **metrics}), ptx_dataset=TEXTS, **parts,
    )  # fmt: skip
    trainer.train(resume_from_checkpoint=f"{output_dir}/checkpoint-2" if "resume" in words else None)
    trainer.save_model(f"{output_dir}/final")
    parameters = list(trainer.actor_critic.parameters())
    if trainer.processes.is_main:
        here = sum(p.to_local().numel() if isinstance(p, DTensor) else p.numel() for p in parameters)
        found = {"logged": logged, "num_processes": trainer.processes.count}
        found["share_of_weights"] = here / sum(p.numel() for p in parameters)
        Path(result).write_text(json.dumps(found))
    for _ in range(100 if "leave" in words else 0):
        torch.distributed.all_reduce(torch.ones(1000), async_op=True)  # not waited for: gloo's thread drops the tensor


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env bash
# A fresh adapter is not always a no-op: FourierFT, C3A and VB-LoRA change the model before any training.
#
# Guess: whatever the method, get_peft_model with default settings leaves the outputs as they were, so that the model with
# its adapter switched off is where a training started (the usual reference of DPO and PPO). peft 0.21.0, transformers
# 5.23.0, torch 2.13.0, seen: LoRA, DoRA, IA3, LoHa, LoKr, VeRA, OFT, BOFT, HRA, MiSS, RandLoRA and others start at no
# change; FourierFT moves log-probabilities by nats, C3A by tenths, VB-LoRA by thousandths. disable_adapter() gives the
# base model back in all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0" "peft==0.21.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import peft
import torch
from transformers import LlamaConfig, LlamaForCausalLM, logging

logging.set_verbosity_error()
where = dict(task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"])
SAME = {
    "LoRA": peft.LoraConfig(**where, r=4),
    "DoRA": peft.LoraConfig(**where, r=4, use_dora=True),
    "IA3": peft.IA3Config(**where, feedforward_modules=[]),
    "LoHa": peft.LoHaConfig(**where, r=4),
    "VeRA": peft.VeraConfig(**where, r=4),
    "OFT": peft.OFTConfig(**where, r=0, oft_block_size=8),
    "RandLoRA": peft.RandLoraConfig(**where, r=4),
}
MOVED = {
    "FourierFT": peft.FourierFTConfig(**where, n_frequency=20),
    "C3A": peft.C3AConfig(**where, block_size=8),
    "VB-LoRA": peft.VBLoRAConfig(**where, r=2, num_vectors=16, vector_length=16, topk=2),
}
IDS = torch.tensor([[5, 9, 13, 21, 7, 30, 6, 41]])


@torch.no_grad()
def logprobs(model):
    return model.eval()(input_ids=IDS).logits[0].log_softmax(-1)


changed = []
for name, config in {**SAME, **MOVED}.items():
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    before = logprobs(model)
    adapted = peft.get_peft_model(model, config)
    gap = (logprobs(adapted) - before).abs().max().item()
    with adapted.disable_adapter():
        off = (logprobs(adapted) - before).abs().max().item()
    print(f"{name:10s} fresh adapter {gap:.5f} nats from the model, switched off {off:.5f}")
    if (gap < 2e-4) != (name in SAME) or off > 1e-5:
        changed.append(name)
sys.exit(f"changed: {', '.join(changed)}" if changed else 0)
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

#!/usr/bin/env bash
# merge_and_unload() after layer_replication gives another model.
#
# Guess: merging LoRA into the weights keeps the outputs, whatever LoraConfig says. peft 0.21.0, transformers 5.23.0, torch
# 2.13.0, seen: replicated layers share their base weights and have adapters of their own; merging adds the adapters of
# all copies to the one shared weight, without a warning, and log-probabilities move by tenths of a nat or more. Without
# layer_replication the merged model agrees to rounding.
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
IDS = torch.tensor([[5, 9, 13, 21, 7, 30, 6, 41]])


@torch.no_grad()
def logprobs(model):
    return model.eval()(input_ids=IDS, use_cache=False).logits[0].log_softmax(-1)


found = {}
for name, options in {"plain LoRA": {}, "layer_replication": {"layer_replication": [[0, 2], [0, 2]]}}.items():
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4)
    config = peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj", "v_proj"], r=4, **options)
    adapted = peft.get_peft_model(model, config)
    optimizer = torch.optim.Adam([p for p in adapted.parameters() if p.requires_grad], lr=2e-2)
    for _ in range(5):
        optimizer.zero_grad()
        adapted(input_ids=IDS, labels=IDS, use_cache=False).loss.backward()
        optimizer.step()
    trained = logprobs(adapted)
    found[name] = (logprobs(adapted.merge_and_unload()) - trained).abs().max().item()
    print(f"{name}: merged against trained {found[name]:.6f} nats")
sys.exit(0 if found["plain LoRA"] < 1e-4 and found["layer_replication"] > 0.05 else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

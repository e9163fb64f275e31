#!/usr/bin/env bash
# HunYuan's rotary attention is not a matter of relative positions: a left-padded row is scored differently.
#
# Guess: where positions are rotary, only their differences count, so a row padded on the left and masked, without
# position_ids, scores as it does alone (Llama, Qwen3, OLMo 2 do, to rounding). transformers 5.23.0, torch 2.13.0, seen:
# HunYuanDenseV1 normalises queries and keys, with weights of their own, after the rotation; once these weights are not
# all equal (as after any training), a shift of positions changes what is attended to.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from transformers import AutoModelForCausalLM, HunYuanDenseV1Config, LlamaConfig, Qwen3Config, logging

logging.set_verbosity_error()
shape = dict(
    vocab_size=53, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=8, max_position_embeddings=64,
)
found = {}
with torch.no_grad():
    for name, kind in {"Llama": LlamaConfig, "Qwen3": Qwen3Config, "HunYuan": HunYuanDenseV1Config}.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(kind(**shape)).eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
            else:
                parameter.add_(torch.randn_like(parameter) * 0.3)
        row = [11, 8, 40, 17, 22]
        alone = model(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        ids, mask = torch.tensor([[0] * 7 + row]), torch.tensor([[0] * 7 + [1] * 5])

        def gap(**arguments):
            padded = model(input_ids=ids, attention_mask=mask, **arguments).logits[0, 7:].log_softmax(-1)
            return (padded - alone).abs().max().item()

        positions = (mask.cumsum(1) - 1).clamp(min=0)
        found[name] = gap(), gap(position_ids=positions)
        print(f"{name:8s} left-padded: {found[name][0]:.5f} nats off, with position_ids {found[name][1]:.5f}")
wrong = found["HunYuan"][0] > 1e-2 and found["HunYuan"][1] < 1e-4
sys.exit(0 if wrong and max(*found["Llama"], *found["Qwen3"]) < 1e-4 else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

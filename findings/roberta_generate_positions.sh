#!/usr/bin/env bash
# RobertaForCausalLM.generate() reads other positions than the model's forward pass.
#
# Guess: greedy generation of a single, unpadded prompt agrees with a forward pass over prompt and completion to rounding.
# transformers 5.23.0, torch 2.13.0, seen: forward counts positions from padding_idx + 1, generate() hands it position_ids
# from 0, so that log-probabilities differ by tenths of a nat; with position_ids of ours from padding_idx + 1 the forward
# pass is the default one, from 0 it is generate()'s.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from transformers import RobertaConfig, RobertaForCausalLM, logging

logging.set_verbosity_error()
torch.manual_seed(0)
config = RobertaConfig(
    vocab_size=53, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64, pad_token_id=1, bos_token_id=0, eos_token_id=2, is_decoder=True,
)
model = RobertaForCausalLM(config).eval()
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(6)
    ids = torch.tensor([[5, 9, 13, 21, 7, 30]])
    made = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, min_new_tokens=5, do_sample=False,
        return_dict_in_generate=True, output_logits=True,
    )
    generated = torch.stack(made.logits, 1)[0].log_softmax(-1)
    positions = torch.arange(made.sequences.shape[1])[None]

    def gap(**arguments):
        forward = model(input_ids=made.sequences, use_cache=False, **arguments).logits[0, 5:-1].log_softmax(-1)
        return (forward - generated).abs().max().item()

    default, from_two, from_zero = gap(), gap(position_ids=positions + 2), gap(position_ids=positions)
print(f"generate() against forward: {default:.3f} nats; positions from padding_idx + 1: {from_two:.3f}; from 0: {from_zero:.6f}")
sys.exit(0 if default > 0.05 and abs(default - from_two) < 1e-4 and from_zero < 1e-4 else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

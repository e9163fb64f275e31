#!/usr/bin/env bash
# GPT-Neo generates from another distribution with a static cache.
#
# Guess: cache_implementation="static" changes speed, not results. transformers 5.23.0, torch 2.13.0, seen: GPT-Neo's
# local attention reads the wrong part of a static cache once the sequence is longer than its window: half a nat a token
# off, for a single unpadded prompt too; with the default cache it agrees with a forward pass, and so do models that
# slide a window by transformers' own masks (Mistral).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from transformers import GPTNeoConfig, GPTNeoForCausalLM, MistralConfig, MistralForCausalLM, logging

logging.set_verbosity_error()
MODELS = {
    "GPT-Neo": lambda: GPTNeoForCausalLM(
        GPTNeoConfig(
            vocab_size=53, hidden_size=32, num_layers=2, num_heads=4, max_position_embeddings=64, window_size=4,
            attention_types=[[["global", "local"], 1]], intermediate_size=48, bos_token_id=1, eos_token_id=2,
        )
    ),
    "Mistral": lambda: MistralForCausalLM(
        MistralConfig(
            vocab_size=53, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, sliding_window=4,
        )
    ),
}


def gap(model, **options):
    """Largest difference of a generated token's log-probability from a forward pass over the whole sequence."""
    ids = torch.tensor([[5, 9, 13, 21, 7, 30]])
    made = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, min_new_tokens=8, do_sample=False,
        pad_token_id=0, return_dict_in_generate=True, output_logits=True, **options,
    )
    new = made.sequences[0, 6:, None]
    whole = model(input_ids=made.sequences, use_cache=False).logits[0, 5:-1].log_softmax(-1)
    return (whole - torch.stack(made.logits, 1)[0].log_softmax(-1)).gather(1, new).abs().max().item()


found = {}
with torch.no_grad():
    for name, make in MODELS.items():
        torch.manual_seed(0)
        model = make().eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
        found[name] = gap(model), gap(model, cache_implementation="static", disable_compile=True)
        print(f"{name}: {found[name][0]:.4f} nats off with the default cache, {found[name][1]:.4f} with a static one")
as_seen = found["GPT-Neo"][1] > 0.05 and max(found["GPT-Neo"][0], *found["Mistral"]) < 1e-3
sys.exit(0 if as_seen else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

#!/usr/bin/env bash
# BartForCausalLM's loss compares each position with its own token, not with the next one.
#
# Guess: every ...ForCausalLM shifts its labels, as the documentation of causal language modelling says, and divides by
# num_items_in_batch when Trainer gives it. transformers 5.23.0, torch 2.13.0, seen: of 80 architectures BART, MBART and
# PLBART as decoders do neither; a model fine-tuned by that loss learns to repeat the token that it reads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from torch.nn.functional import cross_entropy
from transformers import BartConfig, BartForCausalLM, GPT2Config, GPT2LMHeadModel, MBartConfig, MBartForCausalLM
from transformers import PLBartConfig, PLBartForCausalLM, logging

logging.set_verbosity_error()
decoder = dict(
    vocab_size=53, d_model=32, decoder_layers=2, encoder_layers=2, decoder_attention_heads=4, encoder_attention_heads=4,
    decoder_ffn_dim=48, encoder_ffn_dim=48, max_position_embeddings=64,
)
MODELS = {
    "GPT-2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=53, n_embd=32, n_layer=2, n_head=4, n_positions=64)),
    "BART": lambda: BartForCausalLM(BartConfig(**decoder)),
    "MBART": lambda: MBartForCausalLM(MBartConfig(**decoder)),
    "PLBART": lambda: PLBartForCausalLM(PLBartConfig(**decoder)),
}
changed = []
for name, make in MODELS.items():
    torch.manual_seed(0)
    model = make().eval()
    ids = torch.randint(3, 53, (2, 9))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
        output = model(input_ids=ids, labels=ids, use_cache=False)
        halved = model(input_ids=ids, labels=ids, use_cache=False, num_items_in_batch=torch.tensor(32)).loss
        shifted = cross_entropy(output.logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        unshifted = cross_entropy(output.logits.flatten(0, 1), ids.flatten())
    print(
        f"{name:7s} loss {output.loss:.4f}, of the next token {shifted:.4f}, of the same token {unshifted:.4f}; "
        f"with num_items_in_batch twice the tokens {halved:.4f}"
    )
    right = name == "GPT-2"
    is_shifted, heeds = abs(output.loss - shifted) < 1e-4, abs(halved - output.loss / 2) < 1e-4
    if is_shifted != right or heeds != right or (not right and abs(output.loss - unshifted) > 1e-4):
        changed.append(name)
sys.exit(f"changed: {', '.join(changed)}" if changed else 0)
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

#!/usr/bin/env bash
# A tied checkpoint whose embedding and head differ is loaded untied, whatever its config says.
#
# Guess: tie_word_embeddings=true in config.json decides: one of the two weights is taken for both (as transformers 4 did).
# transformers 5.23.0, torch 2.13.0, seen: both are loaded as they lie in the file, the model is not tied although its
# config still says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, logging

logging.set_verbosity_error()
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4,
    tie_word_embeddings=True,
)
model = LlamaForCausalLM(config)
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    path = f"{folder}/model.safetensors"
    weights = load_file(path)
    saved_names = sorted(name for name in weights if "embed" in name or "lm_head" in name)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"] + 1.0
    save_file(weights, path, metadata={"format": "pt"})
    loaded = LlamaForCausalLM.from_pretrained(folder)
embedding, head = loaded.get_input_embeddings().weight, loaded.get_output_embeddings().weight
print("saved tied as", saved_names)
print("config says tied:", loaded.config.tie_word_embeddings, "- one weight:", embedding is head)
print("largest difference of embedding and head:", round((embedding - head).abs().max().item(), 3))
sys.exit(0 if loaded.config.tie_word_embeddings and embedding is not head and not torch.equal(embedding, head) else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

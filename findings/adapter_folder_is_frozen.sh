#!/usr/bin/env bash
# AutoModelForCausalLM.from_pretrained of a LoRA adapter's folder gives a model of which nothing can be trained.
#
# Guess: it loads the base model with the adapter, and the parameters of a freshly loaded model require gradients (as those
# of any other folder do), or at least the adapter's. transformers 5.23.0, peft 0.21.0, torch 2.13.0, seen: it loads both,
# and every parameter has requires_grad=False: training goes on without a change, or ends in autograd's error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0" "peft==0.21.0"
cat > "$folder/show.py" <<'PYTHON'
import sys
import tempfile

import peft
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, logging

logging.set_verbosity_error()
logging.disable_progress_bar()
torch.manual_seed(0)
with tempfile.TemporaryDirectory() as folder:
    shape = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4)
    LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(f"{folder}/base")
    base = AutoModelForCausalLM.from_pretrained(f"{folder}/base")
    config = peft.LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"], r=4)
    peft.get_peft_model(base, config).save_pretrained(f"{folder}/adapter")
    loaded = {kind: AutoModelForCausalLM.from_pretrained(f"{folder}/{kind}") for kind in ("base", "adapter")}
found = {}
for kind, model in loaded.items():
    parameters = list(model.parameters())
    found[kind] = len(parameters), sum(one.requires_grad for one in parameters)
    print(f"{kind}: {type(model).__name__}, {found[kind][1]} of {found[kind][0]} parameters require gradients")
adapters = [name for name, _ in loaded["adapter"].named_parameters() if "lora" in name]
print("adapter's parameters:", adapters)
as_seen = found["base"][0] == found["base"][1] and found["adapter"][1] == 0 and adapters
sys.exit(0 if as_seen else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

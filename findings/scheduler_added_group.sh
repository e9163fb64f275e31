#!/usr/bin/env bash
# A parameter group added after a scheduler was made ends the scheduler's next step with an error.
#
# Guess: Optimizer.add_param_group, meant for layers that join a training later, leaves schedulers working: they step the
# groups that they know, or the new one too. torch 2.13.0, seen: ExponentialLR, StepLR and CosineAnnealingLR step both;
# LambdaLR, and with it transformers' schedules with warmup, raise ValueError from a strict zip, OneCycleLR KeyError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, OneCycleLR, StepLR
from transformers import get_linear_schedule_with_warmup

MAKE = {
    "LambdaLR": lambda optimizer: LambdaLR(optimizer, lambda step: 0.5**step),
    "linear with warmup": lambda optimizer: get_linear_schedule_with_warmup(optimizer, 0, 10),
    "ExponentialLR": lambda optimizer: ExponentialLR(optimizer, 0.5),
    "StepLR": lambda optimizer: StepLR(optimizer, 1, 0.5),
    "CosineAnnealingLR": lambda optimizer: CosineAnnealingLR(optimizer, 10),
    "OneCycleLR": lambda optimizer: OneCycleLR(optimizer, 1.0, total_steps=10),
}
found = {}
for name, make in MAKE.items():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1.0})
    try:
        optimizer.step()
        scheduler.step()
        found[name] = "steps, rates " + str([round(group["lr"], 3) for group in optimizer.param_groups])
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
    print(f"{name}: {found[name]}")
steps = {name for name, outcome in found.items() if outcome.startswith("steps")}
sys.exit(0 if steps == {"ExponentialLR", "StepLR", "CosineAnnealingLR"} else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

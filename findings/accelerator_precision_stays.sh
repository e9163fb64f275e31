#!/usr/bin/env bash
# An Accelerator computes in the precision of one that was made before it.
#
# Guess: Accelerator() without mixed_precision computes in full precision (or as the launcher says), whatever other
# Accelerators or Trainers did before in the process. accelerate 1.15.0, torch 2.13.0, seen: the first one's bf16 stays, also
# when another part of the program had asked for it, and models prepared by the second run under autocast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "accelerate==1.15.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from accelerate import Accelerator

fresh = Accelerator(cpu=True).mixed_precision
from accelerate.state import AcceleratorState

AcceleratorState._reset_state(reset_partial_state=True)
first = Accelerator(cpu=True, mixed_precision="bf16")
second = Accelerator(cpu=True)
model = second.prepare(torch.nn.Linear(2, 2))
with second.autocast():
    product = (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
print("by itself:", fresh, "- behind one in bf16:", second.mixed_precision, "- products are", product)
sys.exit(0 if (fresh, second.mixed_precision, product) == ("no", "bf16", torch.bfloat16) else "changed")
PYTHON
cd "$folder"
OMP_NUM_THREADS=1 HF_HOME="$folder/home" ./venv/bin/python -W ignore show.py

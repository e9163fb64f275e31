#!/usr/bin/env bash
# Two CPU processes under accelerate launch: --num_processes 2 starts one, and of two each may take itself for the only one.
#
# Guess: accelerate launch --cpu --num_processes 2 starts two processes, joined by gloo, and PartialState() knows of both.
# accelerate 1.15.0, torch 2.13.0, seen: by flags one process, without RANK or WORLD_SIZE, and nothing tells that the second
# is missing. A config file with distributed_type: MULTI_GPU and use_cpu: true starts two, and where there is no GPU each is
# told "process 0 of 1" although WORLD_SIZE is 2; with PartialState(cpu=True) they are 0 and 1 of 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "accelerate==1.15.0"
cat > "$folder/show.py" <<'PYTHON'
import os
import sys

from accelerate import PartialState

state = PartialState(cpu="told" in sys.argv)
print(f"STARTED {state.process_index} of {state.num_processes}, WORLD_SIZE {os.environ.get('WORLD_SIZE')}", flush=True)
PYTHON
cat > "$folder/two.yaml" <<'YAML'
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
use_cpu: true
num_machines: 1
machine_rank: 0
num_processes: 2
mixed_precision: 'no'
YAML
cd "$folder"
export OMP_NUM_THREADS=1 HF_HOME="$folder/home"
launch() { ./venv/bin/accelerate launch "${@:2}" show.py "$1" 2>errors | grep ^STARTED | sort || true; }
flags=$(launch told --cpu --num_processes 2)
file=$(launch untold --config_file two.yaml --main_process_port 29611)
told=$(launch told --config_file two.yaml --main_process_port 29612)
printf 'by flags:\n%s\nby a config file:\n%s\nby a config file, cpu=True:\n%s\n' "$flags" "$file" "$told"
[[ $(wc -l <<<"$flags") = 1 && $flags == *"0 of 1"* ]] && [[ $(grep -c "0 of 1, WORLD_SIZE 2" <<<"$file") = 2 ]] &&
  [[ $told == *"0 of 2"*"1 of 2"* ]] || { echo changed; exit 1; }

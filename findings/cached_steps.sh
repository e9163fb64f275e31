#!/usr/bin/env bash
# Cached steps are not the forward pass: RWKV's for two rows of equal length, Bamba's and MiniMax's without position_ids.
#
# Guess: model(prefix, use_cache=True) and then model(token, cache) gives the logits of model(prefix + token), for any
# number of rows of one length and without further arguments. transformers 5.23.0, torch 2.13.0, seen: Llama, Mamba and
# Falcon-H1 do; RWKV does for one row and mixes rows up for two (nats off, no padding anywhere); Bamba and MiniMax count
# positions from 0 again at each cached step unless position_ids are given (hundredths to tenths of a nat, one row too).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import inspect
import sys

import torch
from transformers import AutoModelForCausalLM, BambaConfig, FalconH1Config, LlamaConfig, MambaConfig, MiniMaxConfig
from transformers import RwkvConfig, logging

logging.set_verbosity_error()
plain = dict(vocab_size=53, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_hidden_layers=2)
grouped = dict(plain, num_key_value_heads=2)
CONFIGS = {
    "Llama": LlamaConfig(**grouped),
    "Mamba": MambaConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, state_size=4),
    "Falcon-H1": FalconH1Config(
        **grouped, mamba_d_ssm=64, mamba_n_heads=8, mamba_d_head=8, mamba_d_state=8, mamba_n_groups=1, mamba_chunk_size=4,
    ),
    "RWKV": RwkvConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, intermediate_size=48, context_length=64),
    "Bamba": BambaConfig(
        **grouped, mamba_n_heads=8, mamba_d_state=8, mamba_d_head=8, mamba_n_groups=1, mamba_chunk_size=4,
        attn_layer_indices=[1],
    ),
    "MiniMax": MiniMaxConfig(
        **grouped, head_dim=8, num_local_experts=4, num_experts_per_tok=2, block_size=4,
        layer_types=["linear_attention", "full_attention"],
    ),
}
ROWS = torch.tensor([[5, 9, 13, 21, 7, 30, 41], [11, 8, 40, 17, 3, 22, 6]])


def gap(model, ids, with_positions):
    """Largest difference of the last token's log-probabilities, by the cache and by a pass over everything."""
    with_positions = with_positions and "position_ids" in inspect.signature(model.forward).parameters
    whole = model(input_ids=ids, use_cache=False).logits[:, -1]
    first = model(input_ids=ids[:, :-1], use_cache=True)
    cache = {"state": first.state} if "state" in first else {}
    if "past_key_values" in first:
        cache = {"past_key_values": first.past_key_values}
    elif "cache_params" in first:
        cache = {"cache_params": first.cache_params}
    places = {"position_ids": torch.full((len(ids), 1), ids.shape[1] - 1)} if with_positions else {}
    step = model(input_ids=ids[:, -1:], use_cache=True, **cache, **places).logits[:, -1]
    return (whole.log_softmax(-1) - step.log_softmax(-1)).abs().max().item()


as_seen = True
with torch.no_grad():
    for name, config in CONFIGS.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for key, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.mul_(3 if "embed" in key else 6)
        one, two, placed = gap(model, ROWS[:1], False), gap(model, ROWS, False), gap(model, ROWS, True)
        print(f"{name:10s} one row {one:7.4f}, two rows {two:7.4f}, two rows with position_ids {placed:7.4f} nats off")
        right = {"RWKV": one < 1e-3 < two, "Bamba": placed < 1e-3 < min(one, two), "MiniMax": placed < 1e-3 < min(one, two)}
        as_seen &= right.get(name, max(one, two, placed) < 1e-3)
sys.exit(0 if as_seen else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

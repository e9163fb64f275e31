#!/usr/bin/env bash
# Whether examples packed into one row by restarting position_ids see each other depends on the architecture, silently.
#
# Guess: transformers builds a block-diagonal mask from position_ids that restart, whatever the model (with sdpa, no
# attention_mask, no cache), or for none. transformers 5.23.0, torch 2.13.0, seen: Llama, Qwen3, Gemma 3, GPT-NeoX keep
# packed examples apart; gpt-oss, Falcon (rotary), OPT and Qwen3-Next take the position_ids and let examples read those
# before them: log-probabilities move by tenths of a nat to several nats, and nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from transformers import AutoModelForCausalLM, FalconConfig, Gemma3TextConfig, GPTNeoXConfig, GptOssConfig, LlamaConfig
from transformers import OPTConfig, Qwen3Config, Qwen3NextConfig, logging

logging.set_verbosity_error()
plain = dict(
    vocab_size=53, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=64,
)
grouped = dict(plain, num_key_value_heads=2, head_dim=8)
experts = dict(num_experts_per_tok=2)
APART = {
    "Llama": LlamaConfig(**grouped),
    "Qwen3": Qwen3Config(**grouped),
    "Gemma 3": Gemma3TextConfig(**grouped, sliding_window=4, layer_types=["sliding_attention", "full_attention"]),
    "GPT-NeoX": GPTNeoXConfig(**plain),
}
MIXED = {
    "gpt-oss": GptOssConfig(**grouped, **experts, num_local_experts=4, layer_types=["full_attention"] * 2),
    "Falcon": FalconConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, alibi=False),
    "OPT": OPTConfig(
        vocab_size=53, hidden_size=32, word_embed_proj_dim=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64,
    ),
    "Qwen3-Next": Qwen3NextConfig(
        **grouped, **experts, num_experts=4, moe_intermediate_size=16, shared_expert_intermediate_size=16,
        linear_num_value_heads=4, linear_num_key_heads=2, linear_key_head_dim=8, linear_value_head_dim=8,
        layer_types=["linear_attention", "full_attention"],
    ),
}
EXAMPLES = [[5, 9, 13, 21, 7, 30], [11, 8, 40, 17], [3, 22, 9]]


def logprobs(model, ids, **arguments):
    return model(input_ids=torch.tensor([ids]), use_cache=False, **arguments).logits[0].log_softmax(-1)


changed = []
with torch.no_grad():
    for name, config in {**APART, **MIXED}.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
        positions = torch.tensor([[place for example in EXAMPLES for place in range(len(example))]])
        packed = logprobs(model, sum(EXAMPLES, []), position_ids=positions)
        alone = torch.cat([logprobs(model, example) for example in EXAMPLES])
        gap = (packed - alone).abs().max().item()
        print(f"{name:10s} packed against alone: {gap:7.4f} nats")
        if (gap < 1e-3) != (name in APART):
            changed.append(name)
sys.exit(f"changed: {', '.join(changed)}" if changed else 0)
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

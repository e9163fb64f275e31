#!/usr/bin/env bash
# transformers' generate() of a left-padded batch is another model for six architectures, without a warning.
#
# Guess: with an attention_mask, generate() gives a row of a batch what it gives that row alone, to rounding. So it is for
# some seventy architectures (Mamba, Mamba2 and the Qwen3.5 hybrids among them). transformers 5.23.0, torch 2.13.0, seen:
# Llama 0.000 nats; RecurrentGemma and MiniMax (recurrent states read the padding), RWKV (which mixes up the rows of any
# batch) and BART, MBART and PLBART as decoders (positions count the padding) from a tenth to several nats a token; a
# single row is right in all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import sys

import torch
from transformers import AutoModelForCausalLM, logging
from transformers import BartConfig, LlamaConfig, MBartConfig, MiniMaxConfig, PLBartConfig, RecurrentGemmaConfig, RwkvConfig

logging.set_verbosity_error()
plain = dict(vocab_size=53, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_hidden_layers=2)
decoder = dict(
    vocab_size=53, d_model=32, decoder_layers=2, encoder_layers=2, decoder_attention_heads=4, encoder_attention_heads=4,
    decoder_ffn_dim=48, encoder_ffn_dim=48, max_position_embeddings=64,
)
CONFIGS = {
    "Llama": LlamaConfig(**plain),
    "RWKV": RwkvConfig(vocab_size=53, hidden_size=32, num_hidden_layers=2, intermediate_size=48, context_length=64),
    "RecurrentGemma": RecurrentGemmaConfig(**{**plain, "num_hidden_layers": 3}, lru_width=32, attention_window_size=8),
    "MiniMax": MiniMaxConfig(
        **plain, num_key_value_heads=2, head_dim=8, num_local_experts=4, num_experts_per_tok=2, block_size=4,
        layer_types=["linear_attention", "full_attention"],
    ),
    "BART": BartConfig(**decoder),
    "MBART": MBartConfig(**decoder),
    "PLBART": PLBartConfig(**decoder),
}
ROWS, NEW = [[5, 9, 13, 21, 7, 30], [11, 8]], 5


def difference(model, rows):
    """Largest |log-probability of a generated token, in the batch - in a plain forward pass of that row alone|."""
    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    made = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False, pad_token_id=0,
        return_dict_in_generate=True, output_logits=True,
    )
    worst = 0.0
    for number, row in enumerate(rows):
        new = made.sequences[number, width:]
        alone = model(input_ids=torch.tensor([row + new.tolist()]), use_cache=False).logits[0, len(row) - 1 : -1]
        batched = torch.stack([step[number] for step in made.logits])
        gap = (alone.log_softmax(-1) - batched.log_softmax(-1)).gather(1, new[:, None])
        worst = max(worst, gap.abs().max().item())
    return worst


changed = []
with torch.no_grad():
    for name, config in CONFIGS.items():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config).float().eval()
        for key, parameter in model.named_parameters():  # scaled, so that attention and states matter
            if parameter.dim() > 1:
                parameter.mul_(3 if "embed" in key else 6)
            elif name == "RecurrentGemma":
                parameter.add_(torch.randn_like(parameter) * 0.1)
        batch, alone = difference(model, ROWS), max(difference(model, [row]) for row in ROWS)
        print(f"{name:16s} in a left-padded batch {batch:7.4f} nats off, a row by itself {alone:7.4f}")
        if alone > 1e-3 or (batch > 0.02) != (name != "Llama"):
            changed.append(name)
sys.exit(f"changed: {', '.join(changed)}" if changed else 0)
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

"""Tiny models of many architectures: random, and uneven enough that attending to the wrong token shows."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM

VOCAB_SIZE = 53
EOS, PADDING = 2, 0
LLAMA = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": EOS,
    "pad_token_id": PADDING,
}  # fmt: skip
GROUPED = {**LLAMA, "num_key_value_heads": 2}
NARROW = {**GROUPED, "head_dim": 8}
GPT = {
    "vocab_size": VOCAB_SIZE, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 1,
    "eos_token_id": EOS,
}  # fmt: skip
FALCON = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "bos_token_id": 1,
    "eos_token_id": EOS,
}  # fmt: skip
OPT = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PADDING,
}  # fmt: skip
BART = {
    "vocab_size": VOCAB_SIZE, "d_model": 32, "decoder_layers": 2, "encoder_layers": 2, "decoder_attention_heads": 4,
    "encoder_attention_heads": 4, "decoder_ffn_dim": 48, "encoder_ffn_dim": 48, "max_position_embeddings": 64,
    "bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PADDING,
}  # fmt: skip
MAMBA = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "bos_token_id": 1, "eos_token_id": EOS,
    "pad_token_id": PADDING,
}  # fmt: skip
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
SHARED_EXPERT = {**EXPERTS, "shared_expert_intermediate_size": 16}
LOCAL_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
LATENT = {
    "num_key_value_heads": 4, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
    "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12,
    "n_shared_experts": 1, "first_k_dense_replace": 1, "topk_group": 1,
}  # fmt: skip
MIXER = {
    "mamba_n_heads": 8, "mamba_d_state": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_chunk_size": 4,
}  # fmt: skip
DELTA = {
    "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "layer_types": ["linear_attention", "full_attention"],
}  # fmt: skip
WINDOW = {"sliding_window": 4}
HALF_WINDOW = {**WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
ALL_FULL = {"layer_types": ["full_attention", "full_attention"]}

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    # One row of heads, learned positions
    "GPT-2": ("GPT2", GPT),
    "GPT (2018)": ("OpenAIGPT", {**GPT, "bos_token_id": None, "eos_token_id": None}),
    "GPT-Neo": ("GPTNeo", {
        "vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 64,
        "attention_types": [[["global", "local"], 1]], "window_size": 4, "intermediate_size": 48,
        "bos_token_id": 1, "eos_token_id": EOS,
    }),
    "GPT-NeoX": ("GPTNeoX", LLAMA),
    "GPT-J": ("GPTJ", {**GPT, "rotary_dim": 4}),
    "CodeGen": ("CodeGen", {**GPT, "n_ctx": 64, "rotary_dim": 4}),
    "GPT-BigCode, one key head": ("GPTBigCode", GPT),
    "GPT-BigCode, all key heads": ("GPTBigCode", {**GPT, "multi_query": False}),
    "CTRL": ("CTRL", {"vocab_size": VOCAB_SIZE, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "dff": 48}),
    "OPT": ("OPT", {**OPT, "word_embed_proj_dim": 32}),
    "OPT, narrower output (350m)": ("OPT", {**OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False}),
    "XGLM": ("XGLM", {
        "vocab_size": VOCAB_SIZE, "d_model": 32, "ffn_dim": 48, "num_layers": 2, "attention_heads": 4,
        "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": EOS, "pad_token_id": PADDING,
    }),
    "BioGPT": ("BioGpt", LLAMA),
    "BART's decoder": ("Bart", BART),
    "MBART's decoder": ("MBart", BART),
    "PLBART's decoder": ("PLBart", BART),
    "BERT as decoder": ("Bert", {**LLAMA, "is_decoder": True}),
    "BERT for generation": ("BertGeneration", {**LLAMA, "is_decoder": True}),
    "RoBERTa as decoder": ("Roberta", {**LLAMA, "is_decoder": True}),
    # ALiBi
    "BLOOM": ("Bloom", {
        "vocab_size": VOCAB_SIZE, "hidden_size": 32, "n_layer": 2, "n_head": 4, "bos_token_id": 1, "eos_token_id": EOS,
    }),
    "MPT": ("Mpt", {
        "vocab_size": VOCAB_SIZE, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64, "expansion_ratio": 2,
    }),
    "Falcon, ALiBi": ("Falcon", {**FALCON, "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}),
    # Rotary positions
    "Falcon, rotary": ("Falcon", {**FALCON, "alibi": False, "multi_query": True, "new_decoder_architecture": False}),
    "Falcon, new decoder": ("Falcon", {**FALCON, "num_kv_heads": 2, "alibi": False, "new_decoder_architecture": True}),
    "Llama": ("Llama", GROUPED),
    "Llama, tied": ("Llama", {**GROUPED, "pad_token_id": None, "tie_word_embeddings": True}),
    "Arcee": ("Arcee", GROUPED),
    "Apertus": ("Apertus", GROUPED),
    "Qwen2": ("Qwen2", GROUPED),
    "Qwen2, window": ("Qwen2", {**GROUPED, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}),
    "Qwen3": ("Qwen3", NARROW),
    "Mistral": ("Mistral", {**GROUPED, "sliding_window": None}),
    "Mistral, window": ("Mistral", {**GROUPED, **WINDOW}),
    "Phi": ("Phi", GROUPED),
    "Phi-3": ("Phi3", {**GROUPED, "sliding_window": None}),
    "Phi-3, window": ("Phi3", {**GROUPED, **WINDOW}),
    "Gemma": ("Gemma", NARROW),
    "Gemma 2, logits capped": ("Gemma2", {**NARROW, **WINDOW}),
    "Gemma 2, logits not capped": ("Gemma2", {
        **NARROW, **WINDOW, "final_logit_softcapping": None, "attn_logit_softcapping": 1.0,
    }),
    "Gemma 2, no window": ("Gemma2", {
        **NARROW, **ALL_FULL, "final_logit_softcapping": None, "attn_logit_softcapping": 1.0,
    }),
    "Gemma 3": ("Gemma3Text", {**NARROW, **HALF_WINDOW}),
    "StarCoder2": ("Starcoder2", GROUPED),
    "StarCoder2, window": ("Starcoder2", {**GROUPED, **WINDOW}),
    "StableLM": ("StableLm", GROUPED),
    "OLMo": ("Olmo", GROUPED),
    "OLMo 2": ("Olmo2", GROUPED),
    "OLMo 3": ("Olmo3", {**GROUPED, **WINDOW}),
    "Cohere": ("Cohere", {**GROUPED, "logit_scale": 1.0}),
    "Cohere, logits scaled": ("Cohere", {**GROUPED, "logit_scale": 0.25}),
    "Cohere 2": ("Cohere2", {**GROUPED, **HALF_WINDOW, "logit_scale": 1.0}),
    "Granite": ("Granite", {**GROUPED, "logits_scaling": 1.0}),
    "Granite, logits scaled": ("Granite", {**GROUPED, "logits_scaling": 4.0}),
    "Nemotron": ("Nemotron", GROUPED),
    "SmolLM3": ("SmolLM3", {**GROUPED, "no_rope_layers": [1, 0]}),
    "GLM": ("Glm", NARROW),
    "GLM-4": ("Glm4", NARROW),
    "Helium": ("Helium", NARROW),
    "ERNIE 4.5": ("Ernie4_5", NARROW),
    "EXAONE 4": ("Exaone4", {**GROUPED, **HALF_WINDOW}),
    "Persimmon": ("Persimmon", LLAMA),
    "HunYuan": ("HunYuanDenseV1", NARROW),
    # Mixtures of experts
    "Qwen2-MoE": ("Qwen2Moe", {**GROUPED, **SHARED_EXPERT}),
    "Qwen3-MoE": ("Qwen3Moe", {**NARROW, **EXPERTS}),
    "Mixtral": ("Mixtral", {**GROUPED, **LOCAL_EXPERTS}),
    "DeepSeek-V2": ("DeepseekV2", {**LLAMA, **LATENT, "n_group": 1}),
    "DeepSeek-V3": ("DeepseekV3", {**LLAMA, **LATENT, "n_group": 2}),
    "gpt-oss": ("GptOss", {**NARROW, **LOCAL_EXPERTS, **HALF_WINDOW}),
    "gpt-oss, no window": ("GptOss", {**NARROW, **LOCAL_EXPERTS, **ALL_FULL}),
    "Llama 4": ("Llama4Text", {
        **NARROW, "num_local_experts": 2, "num_experts_per_tok": 1, "attention_chunk_size": 4,
        "intermediate_size_mlp": 48, "use_qk_norm": True,
    }),
    "Granite-MoE": ("GraniteMoe", {**GROUPED, **LOCAL_EXPERTS, "logits_scaling": 1.0}),
    "DBRX": ("Dbrx", {
        "vocab_size": VOCAB_SIZE, "d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64,
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8.0},
        "ffn_config": {"ffn_hidden_size": 48, "moe_num_experts": 4, "moe_top_k": 2},
    }),
    # Recurrent states, alone and beside attention
    "Mamba": ("Mamba", {**MAMBA, "state_size": 4}),
    "Falcon-Mamba": ("FalconMamba", {**MAMBA, "state_size": 4}),
    "Mamba-2": ("Mamba2", {
        **MAMBA, "state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 4,
    }),
    "RWKV": ("Rwkv", {
        "vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32,
        "intermediate_size": 48, "context_length": 64, "bos_token_id": 1, "eos_token_id": EOS,
    }),
    "RecurrentGemma": ("RecurrentGemma", {
        **LLAMA, "num_hidden_layers": 3, "attention_window_size": 8, "lru_width": 32, "logits_soft_cap": 30.0,
    }),
    "Bamba": ("Bamba", {**GROUPED, **MIXER, "attn_layer_indices": [1]}),
    "Falcon-H1": ("FalconH1", {**GROUPED, **MIXER, "mamba_d_ssm": 64}),
    "Jamba": ("Jamba", {
        **GROUPED, "num_experts": 2, "num_experts_per_tok": 1, "attn_layer_period": 2, "attn_layer_offset": 1,
        "expert_layer_period": 2, "expert_layer_offset": 1, "mamba_d_state": 4, "mamba_dt_rank": 4,
        "use_mamba_kernels": False,
    }),
    "Zamba2": ("Zamba2", {
        **LLAMA, "num_key_value_heads": 4, "mamba_d_state": 8, "mamba_headdim": 8, "n_mamba_heads": 8,
        "mamba_ngroups": 1, "chunk_size": 4, "layers_block_type": ["mamba", "hybrid"], "num_mem_blocks": 1,
        "use_mamba_kernels": False,
    }),
    "LFM2": ("Lfm2", {
        **GROUPED, "layer_types": ["conv", "full_attention"], "conv_L_cache": 3, "block_auto_adjust_ff_dim": False,
    }),
    "Qwen3-Next": ("Qwen3Next", {**NARROW, **SHARED_EXPERT, **DELTA}),
    "Qwen3.5": ("Qwen3_5Text", {**NARROW, **DELTA}),
    "MiniMax": ("MiniMax", {
        **NARROW, **LOCAL_EXPERTS, "layer_types": ["linear_attention", "full_attention"], "block_size": 4,
    }),
}  # fmt: skip
LARGER, LARGER_EMBEDDING = 6.0, 3.0
"""Than at the start of training, are weight matrices and embeddings."""


def build(name: str, **changes: Any) -> Any:
    """The architecture's causal language model in eval mode, with the same weights each time."""
    kind, arguments = CONFIGS[name]
    config = getattr(transformers, f"{kind}Config")(**{**arguments, **changes})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).float()
    torch.manual_seed(1)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if parameter.dim() >= 2:
                parameter *= LARGER_EMBEDDING if "embed" in path or "wte" in path else LARGER
            elif parameter.dim() == 1 and not any(part in path for part in ("A_log", "dt", ".D")):
                parameter += torch.randn_like(parameter) * 0.1
    return model.eval()

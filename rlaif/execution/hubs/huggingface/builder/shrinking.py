"""Makes a model's config tiny, and leaves alone what callers can see: image sizes, labels, sampling rates, lengths.

Works on the library's default config of an architecture and on a real one alike.
"""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

WIDTH = 32
_LAYERS = 2
_HEADS = 4
_INNER = 64

# Attribute -> its tiny value, for all architectures that have it as a number.
_NUMBERS: dict[str, int] = {
    **dict.fromkeys(
        (
            "hidden_size",
            "d_model",
            "n_embd",
            "dim",
            "word_embed_proj_dim",
            "embedding_size",
            "projection_dim",
            "entity_emb_size",
            "classifier_proj_size",
            "codevector_dim",
            "proj_codevector_dim",
            "decoder_hidden_size",
            "visual_embedding_dim",
            "text_embed_dim",
            "vision_embed_dim",
            "projection_hidden_size",
            "auxiliary_in_channels",
            "bottleneck_features",
            "fusion_hidden_size",
            "output_hidden_size",
            "xvector_output_dim",
            "pooler_hidden_size",
            "emb_dim",
            "image_text_hidden_size",
            "encoder_hidden_size",
            "mit_hidden_size",
        ),
        WIDTH,
    ),
    **dict.fromkeys(
        (
            "num_hidden_layers",
            "n_layer",
            "n_layers",
            "num_layers",
            "encoder_layers",
            "decoder_layers",
            "num_decoder_layers",
            "decoder_num_hidden_layers",
            "mit_num_hidden_layers",
        ),
        _LAYERS,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads",
            "n_head",
            "n_heads",
            "num_heads",
            "encoder_attention_heads",
            "decoder_attention_heads",
            "decoder_num_attention_heads",
            "num_key_value_heads",
            "mit_num_attention_heads",
        ),
        _HEADS,
    ),
    **dict.fromkeys(
        (
            "intermediate_size",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
            "d_ff",
            "ffn_dim",
            "hidden_dim",
            "ffn_hidden_size",
            "mlp_dim",
            "decoder_intermediate_size",
            "mit_intermediate_size",
            "encoder_feedforward_dim",
            "dim_feedforward",
            "n_inner",
        ),
        _INNER,
    ),
    "d_kv": 8,
    "num_groups": 1,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "num_codevectors_per_group": 8,
    "num_queries": 10,
    "rotary_dim": 4,
    "coordinate_size": 8,
    "shape_size": 8,
    "query_dim": 8,
    "reduce_dim": 16,
}
_LISTS: dict[str, list[int]] = {"conv_dim": [WIDTH] * 7, "tdnn_dim": [WIDTH] * 5}

# What an architecture needs beside that, mostly widths in lists that have to fit one another.
_STAGES = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
_BY_TYPE: dict[str, dict[str, Any]] = {
    "albert": {"embedding_size": 16},
    "audio-spectrogram-transformer": {},
    "bigbird_pegasus": {"block_size": 16, "num_random_blocks": 1},
    "bit": {"embedding_size": 8, **_STAGES, "num_groups": 1},
    "convbert": {"head_ratio": 2, "embedding_size": WIDTH},
    "convnext": _STAGES,
    "convnextv2": _STAGES,
    "cvt": {"embed_dim": [8, 16, 16], "num_heads": [1, 2, 2], "depth": [1, 1, 1]},
    "donut-swin": {"embed_dim": 8, "depths": [1, 1, 1], "num_heads": [1, 2, 2], "window_size": 7},
    "dpt": {"num_hidden_layers": 4, "backbone_out_indices": [0, 1, 2, 3], "neck_hidden_sizes": [8, 8, 16, 16]},
    "electra": {"embedding_size": WIDTH},
    "funnel": {"block_sizes": [1, 1], "d_head": 8, "d_inner": _INNER},
    "glpn": {**_STAGES, "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "hifigan": {"upsample_initial_channel": WIDTH},
    "led": {"attention_window": [16, 16]},
    "levit": {
        "hidden_sizes": [16, 16, 16],
        "depths": [1, 1, 1],
        "num_attention_heads": [2, 2, 2],
        "key_dim": [4, 4, 4],
        "down_ops": [["Subsample", 4, 4, 4, 2, 2], ["Subsample", 4, 4, 4, 2, 2]],
    },
    "longformer": {"attention_window": [16, 16]},
    "longt5": {"local_radius": 15, "global_block_size": 8},
    "mobilebert": {"embedding_size": WIDTH, "intra_bottleneck_size": WIDTH, "true_hidden_size": WIDTH},
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.25},
    "mobilevit": {"hidden_sizes": [16, 16, 16], "neck_hidden_sizes": [8, 8, 16, 16, 16, 16, 32]},
    "regnet": {"embedding_size": 8, **_STAGES, "groups_width": 8},
    "resnet": {"embedding_size": 8, **_STAGES},
    "segformer": {**_STAGES, "num_attention_heads": [1, 1, 2, 2], "decoder_hidden_size": 16},
    "speech_to_text": {"conv_channels": WIDTH},
    "squeezebert": {"embedding_size": WIDTH},
    "swin": {"embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [2, 2, 2, 2], "num_layers": 4},
    "swin2sr": {"embed_dim": 12, "depths": [1, 1], "num_heads": [2, 2]},
    "swinv2": {"embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [2, 2, 2, 2], "num_layers": 4},
    "xlnet": {"d_head": 8},
}
_SUB_CONFIGS = (
    "text_config",
    "vision_config",
    "qformer_config",
    "audio_config",
    "backbone_config",
    "decoder_config",
    "encoder",
    "decoder",
    "question_encoder",
)


def shrink(config: PretrainedConfig) -> PretrainedConfig:
    """Make a config tiny in place, with all configs within it; returns it."""
    values = config.to_dict()
    specific = _BY_TYPE.get(config.model_type, {})
    for name, number in _NUMBERS.items():
        value = values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and name not in specific:
            setattr(config, name, min(number, value) if name != "rotary_dim" else number)
    for name, numbers in _LISTS.items():
        if isinstance(values.get(name), (list, tuple)):
            setattr(config, name, numbers[: len(values[name])])
    for name, value in specific.items():
        if config.model_type == "dpt" and name == "backbone_out_indices" and getattr(config, "is_hybrid", False):
            continue
        setattr(config, name, value)
    _fit_stages(config)
    for name in _SUB_CONFIGS:
        inner = getattr(config, name, None)
        if isinstance(inner, PretrainedConfig):
            shrink(inner)
    return config


def _fit_stages(config: PretrainedConfig) -> None:
    """Backbones name a stage for each layer, and give out the last one unless they are told otherwise."""
    stages = getattr(config, "stage_names", None)
    number = getattr(config, "num_hidden_layers", None)
    if stages and stages[-1] == f"stage{len(stages) - 1}" and isinstance(number, int) and number < len(stages) - 1:
        config.stage_names = stages[: number + 1]
        config._out_features, config._out_indices = [config.stage_names[-1]], [number]

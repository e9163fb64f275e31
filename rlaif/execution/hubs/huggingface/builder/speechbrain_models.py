"""Repositories of SpeechBrain: the hyperparameter file that its loaders read, and the weights of what that makes.

The files have the structure of the real ones (names of modules, features, label encoders), with small sizes.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml

from .recipes import NotBuildable, Recipe

_SEPARATION = """
sample_rate: {sample_rate}
num_spks: {num_speakers}
encoder: !new:speechbrain.lobes.models.dual_path.Encoder
    kernel_size: 16
    out_channels: 16
intra: !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 1
    d_model: 16
    nhead: 2
    d_ffn: 16
    dropout: 0
    use_positional_encoding: true
    norm_before: true
inter: !new:speechbrain.lobes.models.dual_path.SBTransformerBlock
    num_layers: 1
    d_model: 16
    nhead: 2
    d_ffn: 16
    dropout: 0
    use_positional_encoding: true
    norm_before: true
masknet: !new:speechbrain.lobes.models.dual_path.Dual_Path_Model
    num_spks: !ref <num_spks>
    in_channels: 16
    out_channels: 16
    num_layers: 1
    K: 250
    intra_model: !ref <intra>
    inter_model: !ref <inter>
    norm: ln
    linear_layer_after_inter_intra: false
    skip_around_intra: true
decoder: !new:speechbrain.lobes.models.dual_path.Decoder
    in_channels: 16
    out_channels: 1
    kernel_size: 16
    stride: 8
    bias: false
modules:
    encoder: !ref <encoder>
    decoder: !ref <decoder>
    masknet: !ref <masknet>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        encoder: !ref <encoder>
        masknet: !ref <masknet>
        decoder: !ref <decoder>
"""
_SPECTRAL_MASK = """
sample_rate: 16000
compute_stft: !new:speechbrain.processing.features.STFT
    sample_rate: 16000
    win_length: 32
    hop_length: 16
    n_fft: 512
    window_fn: !name:torch.hamming_window
compute_istft: !new:speechbrain.processing.features.ISTFT
    sample_rate: 16000
    n_fft: 512
    win_length: 32
    hop_length: 16
    window_fn: !name:torch.hamming_window
spectral_magnitude: !name:speechbrain.processing.features.spectral_magnitude
    power: 0.5
resynth: !name:speechbrain.processing.signal_processing.resynthesize
    stft: !ref <compute_stft>
    istft: !ref <compute_istft>
    normalize_wavs: false
enhance_model: !new:speechbrain.lobes.models.MetricGAN.EnhancementGenerator
    input_size: 257
    hidden_size: 200  # the layer behind it has this width built in
    num_layers: 1
    dropout: 0
modules:
    enhance_model: !ref <enhance_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        enhance_model: !ref <enhance_model>
"""
_WAVEFORM = """
sample_rate: 16000
enhance_model: !new:speechbrain.lobes.models.EnhanceResnet.EnhanceResnet
    n_fft: 512
    win_length: 32
    hop_length: 16
    sample_rate: 16000
    channel_counts: [4, 4]
    dense_count: 1
    dense_nodes: 8
modules:
    enhance_model: !ref <enhance_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        enhance_model: !ref <enhance_model>
"""
_CLASSIFIER = """
sample_rate: 16000
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: 24
    sample_rate: 16000
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: false
{network}
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    paths:
        label_encoder: {name}/label_encoder.txt
"""
_XVECTOR = """
embedding_model: !new:speechbrain.lobes.models.Xvector.Xvector
    in_channels: 24
    activation: !name:torch.nn.LeakyReLU
    tdnn_blocks: 5
    tdnn_channels: [16, 16, 16, 16, 16]
    tdnn_kernel_sizes: [5, 3, 3, 1, 1]
    tdnn_dilations: [1, 2, 3, 1, 1]
    lin_neurons: 16
classifier: !new:speechbrain.lobes.models.Xvector.Classifier
    input_shape: [null, null, 16]
    activation: !name:torch.nn.LeakyReLU
    lin_blocks: 1
    lin_neurons: 16
    out_neurons: {num_labels}
"""
_ECAPA = """
embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: 24
    channels: [16, 16, 16, 16, 48]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 16
    se_channels: 16
    lin_neurons: 16
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 16
    out_neurons: {num_labels}
"""
_TACOTRON2 = """
sample_rate: 22050
text_cleaners: [basic_cleaners]
text_to_sequence: !name:speechbrain.utils.text_to_sequence.text_to_sequence
model: !new:speechbrain.lobes.models.Tacotron2.Tacotron2
    symbols_embedding_dim: 16
    encoder_embedding_dim: 16
    encoder_n_convolutions: 1
    attention_rnn_dim: 16
    attention_dim: 16
    decoder_rnn_dim: 16
    prenet_dim: 16
    postnet_embedding_dim: 16
    postnet_n_convolutions: 2
    max_decoder_steps: 20
modules:
    model: !ref <model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        model: !ref <model>
"""
_HIFIGAN = """
sample_rate: 22050
generator: !new:speechbrain.lobes.models.HifiGAN.HifiganGenerator
    in_channels: 80
    out_channels: 1
    resblock_type: "1"
    resblock_dilation_sizes: [[1, 3, 5]]
    resblock_kernel_sizes: [3]
    upsample_kernel_sizes: [16, 16, 4, 4]
    upsample_initial_channel: 16
    upsample_factors: [8, 8, 2, 2]
modules:
    generator: !ref <generator>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        generator: !ref <generator>
"""
_NUM_SPEAKERS = 20
_LANGUAGES = ("de: German", "en: English", "es: Spanish", "et: Estonian", "fr: French", "th: Thai", "zh: Chinese")


def build_speechbrain(recipe: Recipe, folder: Path) -> None:
    """Write hyperparams.yaml and a checkpoint for each part that it loads. Raises NotBuildable for another kind."""
    labels = _labels_of(recipe.name.lower())
    text = hyperparameters_of(recipe.name, len(labels)).lstrip()
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")
    parts = load_hyperpyyaml(text)["pretrainer"].loadables
    encoder = parts.pop("label_encoder", None)
    if encoder is not None:
        encoder.update_from_iterable(labels, sequence_input=False)
        encoder.save(folder / "label_encoder.txt")
    for name, part in parts.items():
        torch.save(part.state_dict(), folder / f"{name}.ckpt")


def hyperparameters_of(name: str, num_labels: int) -> str:
    """The hyperparameter file of a repository, told by its name. Raises NotBuildable where that says no more."""
    lowered = name.lower()
    if "sepformer" in lowered:
        rate = 16000 if "16k" in lowered else 8000
        speakers = 1 if "enhancement" in lowered else 3 if "03mix" in lowered else 2
        return _SEPARATION.format(sample_rate=rate, num_speakers=speakers)
    if "xvect" in lowered or "ecapa" in lowered or "epaca" in lowered:
        network = (_XVECTOR if "xvect" in lowered else _ECAPA).format(num_labels=num_labels).strip()
        return _CLASSIFIER.format(network=network, name=name)
    for pattern, text in (
        ("metricgan", _SPECTRAL_MASK), ("mtl-mimic", _WAVEFORM), ("tacotron2", _TACOTRON2), ("hifigan", _HIFIGAN),
    ):  # fmt: skip
        if re.search(pattern, lowered):
            return text
    raise NotBuildable("its name tells none of SpeechBrain's networks that are built")


def _labels_of(name: str) -> tuple[str, ...]:
    if "voxlingua" in name:
        return _LANGUAGES
    return tuple(f"id{10001 + number}" for number in range(_NUM_SPEAKERS))

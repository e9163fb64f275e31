"""Tiny models of speech and sound."""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import Tensor, nn


class SpectrogramGenerator(nn.Module):
    """Tacotron 2: infer((N, L) characters, (N,) lengths) -> mel (N, 80, T), mel lengths (N,), alignments"""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(148, 80)

    def infer(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mel = self.embedding(sequences).transpose(1, 2)
        return mel, lengths, mel.new_zeros(len(mel), mel.shape[2], sequences.shape[1])

    def forward(self, inputs: Any) -> Any:
        return self.infer(inputs[0], inputs[1])


def spectrogram_generator(pretrained: bool = True, **options: Any) -> nn.Module:
    return SpectrogramGenerator().eval()


class Vocoder(nn.Module):
    """WaveGlow: infer(mel (N, 80, T)) -> audio (N, 256 T)"""

    def __init__(self) -> None:
        super().__init__()
        self.upsample = nn.Linear(80, 256)

    def infer(self, mel: Tensor, sigma: float = 1.0) -> Tensor:
        return self.upsample(mel.transpose(1, 2)).flatten(1)

    def forward(self, mel: Tensor) -> Tensor:
        return self.infer(mel)

    def remove_weightnorm(self, model: nn.Module | None = None) -> nn.Module:
        return model or self


def vocoder(pretrained: bool = True, **options: Any) -> nn.Module:
    return Vocoder().eval()


def speech_tools(*arguments: Any, **options: Any) -> Any:
    def prepare_input_sequence(texts: list[str], cpu_run: bool = False) -> tuple[Tensor, Tensor]:
        lengths = torch.tensor([len(text) for text in texts])
        sequences = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
        for row, text in enumerate(texts):
            sequences[row, : len(text)] = torch.tensor([ord(character) % 148 for character in text])
        return sequences, lengths

    return types.SimpleNamespace(prepare_input_sequence=prepare_input_sequence)


class SpeechToText(nn.Module):
    """(N, samples) -> (N, frames, 999) logits"""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 999)

    def forward(self, audio: Tensor) -> Tensor:
        return self.head(audio[:, ::320].unsqueeze(-1))


def _read_audio(path: str, sampling_rate: int = 16000, **options: Any) -> Tensor:
    with open(path, "rb") as file:  # noqa: PTH123
        file.read(1)
    return torch.zeros(sampling_rate)


def speech_to_text(language: str = "en", **options: Any) -> tuple[nn.Module, Any, tuple[Any, ...]]:
    """Silero: (model, decoder, (read_batch, split_into_batches, read_audio, prepare_model_input))"""

    def decoder(logits: Tensor) -> str:
        return " ".join(str(token) for token in logits.argmax(-1).unique().tolist())

    def read_batch(paths: list[str]) -> list[Tensor]:
        return [_read_audio(path) for path in paths]

    def split_into_batches(paths: list[str], batch_size: int = 10) -> list[list[str]]:
        return [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]

    def prepare_model_input(batch: list[Tensor], device: Any = "cpu") -> Tensor:
        return nn.utils.rnn.pad_sequence(batch, batch_first=True).to(device)

    return SpeechToText().eval(), decoder, (read_batch, split_into_batches, _read_audio, prepare_model_input)


def text_to_speech(language: str = "en", speaker: str = "lj_16khz", **options: Any) -> Any:
    """Silero: of a first-generation speaker (model, symbols, sample_rate, example_text, apply_tts),
    of a later one ("v3_en", ...) (model, example_text)."""

    def apply_tts(
        texts: list[str], model: nn.Module, sample_rate: int, symbols: str, device: Any = "cpu"
    ) -> list[Tensor]:
        return [torch.zeros(sample_rate // 10 * len(text)) for text in texts]

    example_text = "Could you buy me some milk on the way home?"
    if speaker.startswith(("v2", "v3", "v4")):
        model = SpeechToText().eval()
        model.apply_tts = lambda text="", speaker="", sample_rate=24000, **more: torch.zeros(sample_rate)  # type: ignore
        return model, example_text
    sample_rate = 8000 if speaker.endswith("8khz") else 16000
    return SpeechToText().eval(), "_~abcdefghijklmnopqrstuvwxyz .,!?", sample_rate, example_text, apply_tts


class VoiceActivityDetector(nn.Module):
    """(samples,), sampling rate -> (N, 1) probability of speech"""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 1)

    def reset_states(self) -> None:
        pass

    def forward(self, audio: Tensor, sampling_rate: int = 16000) -> Tensor:
        return torch.sigmoid(self.head(torch.atleast_2d(audio).mean(-1, keepdim=True)))


def voice_activity_detector(onnx: bool = False, **options: Any) -> tuple[nn.Module, tuple[Any, ...]]:
    """Silero: (model, (get_speech_timestamps, save_audio, read_audio, VADIterator, collect_chunks))"""

    def get_speech_timestamps(audio: Tensor, model: nn.Module, **settings: Any) -> list[dict[str, int]]:
        return [{"start": 0, "end": len(audio)}]

    def save_audio(path: str, audio: Tensor, sampling_rate: int = 16000) -> None:
        torch.save(audio, path)

    def collect_chunks(timestamps: list[dict[str, int]], audio: Tensor) -> Tensor:
        return torch.cat([audio[span["start"] : span["end"]] for span in timestamps])

    tools = (get_speech_timestamps, save_audio, _read_audio, VoiceActivityDetector, collect_chunks)
    return VoiceActivityDetector().eval(), tools


class AudioSeparator(nn.Module):
    """Open-Unmix: (N, channels, samples) -> (N, 4 sources, channels, samples)"""

    def __init__(self) -> None:
        super().__init__()
        self.sample_rate = torch.tensor(44100.0)
        self.gains = nn.Parameter(torch.rand(4))

    def forward(self, audio: Tensor) -> Tensor:
        if audio.dim() != 3:
            raise ValueError("expected audio of shape (N, channels, samples)")
        return audio.unsqueeze(1) * self.gains[:, None, None]


def audio_separator(pretrained: bool = True, **options: Any) -> nn.Module:
    return AudioSeparator().eval()

"""The reward model: the SFT policy's trunk with a head that reads the last token.

A sequence is prompt + completion + EOS, and the head sees the hidden state at the EOS. Two
heads: `scalar`, one number a completion; `two_class`, the logits of "rejected" and "chosen",
whose difference, the log-odds, is the reward. A constant is subtracted, set such that the
references score 0 on average (Ziegler et al. 2019; Stiennon et al. 2020): PPO then starts
with rewards near 0, whatever the trained offset is.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rlaif.config import Precision, RewardHead
from rlaif.errors import UserError
from rlaif.models.adapters import first_line
from rlaif.models.device import moved, seeded
from rlaif.models.generation import eval_mode
from rlaif.models.padding import batches_of_like_length, pad_right, tokens_first
from rlaif.models.policy import Policy, autocast, merged
from rlaif.models.shard_bars import without_shard_bars
from rlaif.models.stop_tokens import eos_of
from rlaif.models.texts import encode_completions, encode_prompts
from rlaif.models.trunk import trunk_of, width_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HEAD, SETTINGS = "head.safetensors", "reward_model.json"


class RewardModel(nn.Module):
    """Scores completions. `head_kind` says how `logits` become a reward."""

    center: Tensor
    """What is subtracted from every reward, a scalar."""

    def __init__(
        self,
        trunk: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        head_kind: RewardHead,
        *,
        max_prompt_tokens: int,
        max_new_tokens: int,
    ) -> None:
        super().__init__()
        self.trunk, self.tokenizer, self.head_kind = trunk, tokenizer, head_kind
        self.max_prompt_tokens, self.max_new_tokens = max_prompt_tokens, max_new_tokens
        hidden_size = width_of(trunk)
        self.head = nn.Linear(hidden_size, 1 if head_kind is RewardHead.scalar else 2, dtype=torch.float32)
        nn.init.normal_(self.head.weight, std=(hidden_size + 1) ** -0.5)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("center", torch.zeros((), dtype=torch.float32))

    @classmethod
    def from_policy(
        cls, policy: Policy, head_kind: RewardHead, *, max_prompt_tokens: int, max_new_tokens: int, seed: int
    ) -> RewardModel:
        """A reward model that starts from a copy of the policy's trunk, with a random head."""
        trunk: Any = copy.deepcopy(trunk_of(merged(policy).model))
        with seeded(seed):
            model = cls(
                trunk,
                policy.tokenizer,
                head_kind,
                max_prompt_tokens=max_prompt_tokens,
                max_new_tokens=max_new_tokens,
            )
        return model.to(trunk.device)

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[rows, length] ids and mask, padded on either side -> [rows, 1 or 2], fp32."""
        ids, mask = tokens_first(attention_mask, input_ids, attention_mask)
        hidden = self.trunk(input_ids=ids, use_cache=False).last_hidden_state
        rows = torch.arange(len(ids), device=ids.device)
        with torch.autocast(hidden.device.type, enabled=False):
            return self.head(hidden[rows, last_token(mask)].float())

    def rewards(self, logits: Tensor) -> Tensor:
        """[rows, 1 or 2] -> centred rewards [rows]."""
        if self.head_kind is RewardHead.scalar:
            return logits[:, 0] - self.center
        return logits[:, 1] - logits[:, 0] - self.center

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Centred rewards [rows] of padded sequences [rows, length]."""
        return self.rewards(self.logits(input_ids, attention_mask))

    def encode(self, texts: Sequence[tuple[str, str]]) -> list[tuple[int, ...]]:
        """Token ids of (prompt, completion) texts.

        A long prompt keeps its last `max_prompt_tokens`, a long completion its first
        `max_new_tokens - 1`; the EOS follows in any case, for the head reads there.
        """
        if not texts:
            return []
        prompts = encode_prompts(self.tokenizer, [prompt for prompt, _ in texts], self.max_prompt_tokens)
        completions = encode_completions(self.tokenizer, [text for _, text in texts])
        eos = eos_of(self.tokenizer)
        return [
            (*prompt_ids, *completion_ids[: self.max_new_tokens - 1], eos)
            for (prompt_ids, _), completion_ids in zip(prompts, completions, strict=True)
        ]

    @torch.no_grad()
    def score(
        self, texts: Sequence[tuple[str, str]], *, batch_size: int = 64, precision: Precision = Precision.fp32
    ) -> list[float]:
        """Centred rewards of (prompt, completion) texts, in their order. Dropout is off."""
        sequences = self.encode(texts)
        device = self.center.device
        scores = [0.0] * len(sequences)
        with eval_mode(self), autocast(precision, device):
            for batch in batches_of_like_length([len(one) for one in sequences], batch_size):
                input_ids, mask = pad_right([sequences[index] for index in batch], self.tokenizer.pad_token_id)
                for index, score in zip(batch, self(input_ids.to(device), mask.to(device)).tolist(), strict=True):
                    scores[index] = score
        return scores

    def center_on(self, references: Sequence[tuple[str, str]], *, precision: Precision = Precision.fp32) -> float:
        """Shift the rewards such that these texts score 0 on average. Returns the shift."""
        if not references:
            raise UserError("there are no references to centre the rewards on: reward.center_on_references=false")
        scores = self.score(references, precision=precision)
        shift = sum(scores) / len(scores)
        self.center += shift
        return shift

    def save(self, directory: Path) -> None:
        """Write trunk, tokenizer, head and settings; `load` reads them back."""
        from safetensors.torch import save_file

        with without_shard_bars():
            self.trunk.save_pretrained(directory)
        self.tokenizer.save_pretrained(directory)
        save_file({"weight": self.head.weight, "bias": self.head.bias, "center": self.center}, directory / HEAD)
        settings = {
            "head": self.head_kind.name,
            "max_prompt_tokens": self.max_prompt_tokens,
            "max_new_tokens": self.max_new_tokens,
        }
        (directory / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> RewardModel:
        """What `save` wrote, on the current device. UserError where there is none."""
        from safetensors.torch import load_file
        from transformers import AutoTokenizer

        try:
            settings: dict[str, Any] = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
            head = load_file(directory / HEAD)
            with without_shard_bars():
                trunk = moved(load_trunk(directory))
            tokenizer = AutoTokenizer.from_pretrained(directory)
        except Exception as error:  # damaged files raise whatever their readers do
            raise UserError(f"{directory}: no reward model is saved there ({first_line(error)})") from None
        head_kind = RewardHead[settings.pop("head")]
        model = cls(trunk, tokenizer, head_kind, **settings)
        model.head.load_state_dict({"weight": head["weight"], "bias": head["bias"]})
        model.center.copy_(head["center"])
        return moved(model).eval()


def last_token(attention_mask: Tensor) -> Tensor:
    """Index [rows] of each row's last real token; the padding [rows, length] may be on either side."""
    return attention_mask.shape[1] - 1 - attention_mask.flip(1).argmax(1)


def load_trunk(directory: Path) -> Any:
    """A trunk as an object of the class that saved it: AutoModel would put BART's decoder into an encoder-decoder."""
    from transformers import MODEL_MAPPING, AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(directory)
    usual = MODEL_MAPPING.get(type(config), None)
    (name,) = config.architectures or ("",)
    kind = getattr(sys.modules[usual.__module__], name, AutoModel) if usual is not None else AutoModel
    return kind.from_pretrained(directory, dtype=torch.float32)

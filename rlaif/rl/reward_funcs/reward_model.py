"""A sequence classification model as a reward function, with a tokenizer of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rlaif.errors import UserError
from rlaif.models.adapters import first_line
from rlaif.models.generation import device_of, eval_mode, num_positions_of
from rlaif.models.padding import batches_of_like_length, pad_right
from rlaif.rl.activations import fuse_activations
from rlaif.rl.dataset import ENCODED_AT_ONCE, Messages, Prompt, template_options, with_texts

BLANK: Messages = [{"role": "assistant", "content": ""}]


class ModelReward:
    """Scores prompt and completion with a model whose only logit is the reward.

    A standard prompt and its completion are read as one text with the special tokens that the tokenizer
    puts around a text, a conversation goes through the tokenizer's chat template, which writes its own:
    what TRL's RewardTrainer trains on.

    Args:
        model: returns `.logits` [rows, 1] for `input_ids` and `attention_mask`, for instance an
            `AutoModelForSequenceClassification` with num_labels=1; or a Hub id or path of one.
        processing_class: the model's tokenizer; by default the one saved with it.
        batch_size: texts of a batch at most; those of a batch are about as long as each other.
        chat_template_kwargs: for the chat template.

    The model runs without gradients and in eval mode, in its own dtype, on its own device; GPT-2's GELU becomes one
    operation.

    Raises:
        UserError: no model or tokenizer there, a checkpoint without a classification head, several labels, a
            tokenizer of another model.
    """

    def __init__(
        self,
        model: str | nn.Module,
        processing_class: Any = None,
        *,
        batch_size: int = 32,
        chat_template_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = load_model(model) if isinstance(model, str) else model
        self.__name__ = model_name(self.model)
        self.processing_class = load_tokenizer(self.model) if processing_class is None else processing_class
        self.batch_size = batch_size
        self.chat_template_kwargs = dict(chat_template_kwargs or {})
        prepare_padding(self.model, self.processing_class)
        require_one_label(self.model)
        require_embeddings(self.model, self.processing_class)
        fuse_activations(self.model)

    def __call__(
        self,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        tools: Sequence[Any] | None = None,
        chat_template_kwargs: Sequence[Any] | None = None,
    ) -> list[float]:
        """The reward of each completion. UserError where a text is longer than the model can read.

        Args:
            tools, chat_template_kwargs: the data's columns of these names, for the chat template.
        """
        if not prompts:
            return []
        columns = {"tools": tools, "chat_template_kwargs": chat_template_kwargs}
        texts = [
            self.text(prompt, completion, {name: values[row] for name, values in columns.items() if values is not None})
            for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
        ]
        is_standard = isinstance(prompts[0], str)
        encoded = self.processing_class(text=texts, add_special_tokens=is_standard)["input_ids"]
        require_length(self.model, self.processing_class, max(map(len, encoded)))
        rewards = [0.0] * len(texts)
        for batch in batches_of_like_length([len(ids) for ids in encoded], self.batch_size):
            for index, reward in zip(batch, self.score([encoded[index] for index in batch]), strict=True):
                rewards[index] = reward
        return rewards

    def text(self, prompt: str | Messages, completion: str | Messages, columns: Mapping[str, Any] | None = None) -> str:
        """What the model reads; `columns` are the row's `tools` and `chat_template_kwargs`."""
        if isinstance(prompt, str) and isinstance(completion, str):
            return prompt + completion
        assert isinstance(prompt, list) and isinstance(completion, list)
        where = f"reward model {model_name(self.model)}"
        options = template_options(columns or {}, where, self.chat_template_kwargs)
        messages = [dict(message) for message in with_texts(prompt, where)]
        if messages[-1]["role"] == "assistant":  # the completion goes on with it: one turn, not two
            messages[-1]["content"] += completion[0]["content"]
        else:
            messages += completion
        try:
            rendered: str = self.processing_class.apply_chat_template(messages, **{**options, "tokenize": False})
        except Exception as error:  # a template may raise anything, and there may be none
            said = " ".join(str(error).split())[:300]
            raise UserError(f"{where}: its tokenizer cannot render a conversation: {said}") from error
        return rendered

    def require_room(self, prompts: Sequence[Prompt]) -> None:
        """UserError for the first row whose prompt fills all that the model can read, or cannot be rendered for it."""
        longest = longest_text(self.model, self.processing_class)
        if longest == math.inf:
            prompts = prompts[:1]  # its chat template is tried out at least
        for start in range(0, len(prompts), ENCODED_AT_ONCE):
            some = prompts[start : start + ENCODED_AT_ONCE]
            texts = [self.text(one.messages or one.text, BLANK if one.messages else "", one.columns) for one in some]
            encoded = self.processing_class(text=texts, add_special_tokens=some[0].messages is None)["input_ids"]
            for row, ids in enumerate(encoded, start):
                if len(ids) >= longest:
                    raise UserError(
                        f"train_dataset: the prompt of row {row} has {len(ids)} tokens for the reward model "
                        f"{model_name(self.model)}, which reads {longest} with the completion: leave the row out"
                    )

    def try_out(self) -> None:
        """UserError, before anything is sampled, where the model cannot score a text."""
        if not self.processing_class(text=["aa"], add_special_tokens=True)["input_ids"][0]:
            return  # a tokenizer that knows no "a"
        try:
            self(["a"], ["a"])
        except UserError as error:
            raise UserError(f"reward model {model_name(self.model)}: {error}") from None
        except Exception as error:  # a model of the user's own may raise anything
            said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise UserError(f"reward model {model_name(self.model)}: it cannot score a text: {said}") from error

    @torch.no_grad()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """The rewards of one batch of token ids, padded on the right."""
        if ends_differ(self.model, sequences):
            return [reward for one in sequences for reward in self.score([one])]
        device = device_of(self.model)
        input_ids, mask = pad_right(sequences, self.processing_class.pad_token_id)
        with eval_mode(self.model), torch.autocast(device.type, enabled=False):
            output = self.model(input_ids=input_ids.to(device), attention_mask=mask.to(device))
        if not hasattr(output, "logits"):
            raise UserError(
                f"a {type(self.model).__name__} gives no logits: a reward model is a classifier of one label"
            )
        logits: Tensor = output.logits
        if logits.shape != (len(sequences), 1):
            raise UserError(several_labels(list(logits.shape), len(sequences)))
        return [float(reward) for reward in logits[:, 0].float().tolist()]


def load_model(name: str) -> nn.Module:
    """A classification model with one label; UserError where there is none, or its head was never trained."""
    from transformers import AutoModelForSequenceClassification

    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            name, num_labels=1, output_loading_info=True
        )
    except Exception as error:  # damaged files raise whatever their readers do
        said = first_line(error)
        if "ignore_mismatched_sizes" in said:
            said = "its head has several labels, and a reward model has num_labels=1"
        raise UserError(f"reward model {name}: cannot be loaded: {said}") from error
    if loading["missing_keys"]:
        missing = ", ".join(sorted(loading["missing_keys"]))
        raise UserError(f"reward model {name}: the checkpoint lacks {missing}, so its rewards would be random")
    return model


def load_tokenizer(model: nn.Module) -> Any:
    from transformers import AutoTokenizer

    name = name_or_path(model)
    try:
        if not name:
            raise ValueError("the model was not loaded from anywhere")
        return AutoTokenizer.from_pretrained(name)
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(
            f"reward model {model_name(model)}: its tokenizer cannot be loaded "
            f"({first_line(error)}): give it in reward_processing_classes"
        ) from error


def name_or_path(model: nn.Module) -> str:
    return str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")


def model_name(model: nn.Module) -> str:
    """The last part of where the model was loaded from, as TRL logs it; else the class's name."""
    return name_or_path(model).rstrip("/").split("/")[-1] or type(model).__name__


def prepare_padding(model: nn.Module, processing_class: Any) -> None:
    """Tell the model the tokenizer's padding: transformers' classifiers read the last token that is not it.

    Where padding is the EOS, as is usual for GPT-2, they read the token before a final EOS, in
    training as here.
    """
    if processing_class.pad_token_id is None:
        if processing_class.eos_token_id is None:
            raise UserError(f"reward model {model_name(model)}: its tokenizer has no padding token: set pad_token")
        processing_class.pad_token = processing_class.eos_token
    config: Any = getattr(model, "config", None)
    if config is not None:
        text_config = config.get_text_config() if hasattr(config, "get_text_config") else config
        text_config.pad_token_id = processing_class.pad_token_id


def several_labels(shape: list[int], num_texts: int) -> str:
    return (
        f"its logits have shape {shape} for {num_texts} texts, and should have [{num_texts}, 1]: "
        "a reward model has num_labels=1"
    )


def require_one_label(model: nn.Module) -> None:
    """UserError for a classifier of transformers whose config names several labels."""
    num_labels = getattr(getattr(model, "config", None), "num_labels", 1)
    if type(model).__name__.endswith("ForSequenceClassification") and num_labels != 1:
        raise UserError(f"reward model {model_name(model)}: {several_labels([1, num_labels], 1)}")


def require_embeddings(model: Any, processing_class: Any) -> None:
    """UserError where the tokenizer gives ids that the model has no embedding for."""
    embeddings = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    num_embeddings = getattr(embeddings, "num_embeddings", None)
    if num_embeddings is None:
        return
    highest = max(len(processing_class) - 1, processing_class.pad_token_id)
    if highest >= num_embeddings:
        raise UserError(
            f"reward model {model_name(model)}: its tokenizer has ids up to {highest}, and the model {num_embeddings} "
            "embeddings: give the tokenizer that the model was trained with, or call model.resize_token_embeddings"
        )


def ends_differ(model: Any, sequences: Sequence[Sequence[int]]) -> bool:
    """Whether an encoder-decoder, whose classifier reads the last EOS, would refuse these as one batch: it wants all to
    have as many of them, and a text may have its own."""
    config: Any = getattr(model, "config", None)
    if not getattr(config, "is_encoder_decoder", False):
        return False
    return len({list(ids).count(config.eos_token_id) for ids in sequences}) > 1


def longest_text(model: nn.Module, processing_class: Any) -> float:
    """Tokens that the model reads; infinite where nothing says, for which tokenizers have a number of their own."""
    longest = min(num_positions_of(model) or math.inf, getattr(processing_class, "model_max_length", math.inf))
    return math.inf if longest > 1e18 else longest


def require_length(model: nn.Module, processing_class: Any, length: int) -> None:
    longest = longest_text(model, processing_class)
    if length > longest:
        raise UserError(
            f"prompt and completion have {length} tokens, and the model reads {longest}: "
            "lower max_prompt_length or max_completion_length"
        )

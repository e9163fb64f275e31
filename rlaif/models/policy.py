"""The policy: a causal language model with its tokenizer; building, saving, loading.

A saved policy is a plain `from_pretrained` directory with complete weights. LoRA's update is
merged into them, so that the next stage needs neither PEFT nor the base model's address; the
adapter alone lies in `adapter/`, for sharing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rlaif.config import LoraConfig, PolicyConfig, PolicyKind, Precision
from rlaif.errors import UserError
from rlaif.models.adapters import is_adapter, load_adapter, require_whole, tokenizer_path
from rlaif.models.causal import require_causal
from rlaif.models.device import computes_in_bf16, moved, seeded
from rlaif.models.merging import merge_adapters
from rlaif.models.shard_bars import without_shard_bars
from rlaif.models.texts import num_tokens
from rlaif.models.tokenizer import train_tokenizer
from rlaif.models.writing import writing_to

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ADAPTER = "adapter"


@dataclass(frozen=True)
class Policy:
    """A model and the tokenizer that it was trained with. Weights are kept in fp32."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def num_trainable_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)

    def describe(self) -> str:
        """One line for the log: size, vocabulary, and which token pads."""
        tokenizer = self.tokenizer
        pads_with_eos = tokenizer.pad_token_id == tokenizer.eos_token_id
        note = " (the EOS: this tokenizer has no padding token)" if pads_with_eos else ""
        return (
            f"{self.num_parameters:,} parameters, {self.num_trainable_parameters:,} trainable; "
            f"{len(tokenizer):,} tokens; EOS {tokenizer.eos_token}, padding {tokenizer.pad_token}{note}"
        )


def build_policy(config: PolicyConfig, texts: Sequence[str], seed: int) -> Policy:
    """The policy before its fine-tuning, on the current device.

    Args:
        config: `scratch` makes a GPT-2 with random weights and a tokenizer trained on `texts`;
            `pretrained` loads `config.path`, a directory or a Hub id.
        texts: what a tokenizer from scratch is trained on; a pretrained policy ignores it.
        seed: of the random weights.

    Raises:
        UserError: a path that is no model, prompts and completions that exceed the model's
            positions, or a policy without weights (`policy=responses`).
    """
    if config.kind is PolicyKind.responses:
        raise UserError(
            f"policy={config.name}: recorded answers have no weights to train or sample from; "
            "choose a policy of kind scratch or pretrained, such as policy=tiny"
        )
    if config.kind is PolicyKind.scratch:
        policy = initialise(config, texts, seed)
    else:
        policy = load_pretrained(config.path, config.revision)
    require_room(policy.model, config)
    return add_lora(policy, config.lora, seed) if config.lora.enabled else policy


def initialise(config: PolicyConfig, texts: Sequence[str], seed: int) -> Policy:
    """A GPT-2 with random weights (pre-norm, learned positions, tied embeddings)."""
    from transformers import GPT2Config, GPT2LMHeadModel

    if not texts:
        raise UserError("a policy from scratch needs training texts for its tokenizer; the training set is empty")
    tokenizer = train_tokenizer(texts, config.scratch.vocab_size)
    shape = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=config.max_prompt_tokens + config.max_new_tokens,
        n_embd=config.scratch.width,
        n_layer=config.scratch.num_layers,
        n_head=config.scratch.num_heads,
        initializer_range=config.scratch.initializer_range,
        activation_function="gelu_pytorch_tanh",  # the formula of GPT-2's gelu_new in a fused kernel
        resid_pdrop=config.sft.dropout,
        embd_pdrop=config.sft.dropout,
        attn_pdrop=0.0,  # dropout there would switch the fused attention kernels off
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with seeded(seed):
        model = GPT2LMHeadModel(shape)
    model.loss_type = "ForCausalLM"
    return Policy(moved(model), tokenizer)


def load_pretrained(path: str | None, revision: str | None = None) -> Policy:
    """Model and tokenizer from a directory or the Hub, in fp32 on the current device; an adapter's folder is merged
    into the model that it names.

    A tokenizer without a padding token pads with its EOS. That is safe here, and cheaper than
    a resized embedding: every mask in this project comes from lengths, never from token ids.

    Raises:
        UserError: nothing there, not reachable, or not a causal language model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not path:
        raise UserError("policy.path: a pretrained policy needs a Hub id or a directory: policy.path=...")
    try:
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_path(path), revision=revision)
        with without_shard_bars():
            if is_adapter(path):
                model = merge_adapters(load_adapter(path)).requires_grad_(True)
            else:
                loaded: Any = AutoModelForCausalLM.from_pretrained(
                    path, revision=revision, dtype=torch.float32, output_loading_info=True
                )
                model, loading = loaded
                require_whole(loading)
    except UserError as error:
        raise UserError(f"policy.path={error}") from None
    except Exception as error:  # damaged files raise whatever their readers do
        raise UserError(explain_missing_model("policy.path", path, error)) from None
    if tokenizer.eos_token_id is None:
        raise UserError(f"policy.path={path}: its tokenizer has no EOS token, so no completion could end")
    model = moved(model)  # before it is tried out: large models are slow on a CPU
    require_causal(model, f"policy.path={path}")
    num_embeddings = model.get_input_embeddings().num_embeddings
    if num_tokens(tokenizer) > num_embeddings:
        raise UserError(f"policy.path={path}: its tokenizer has more tokens than the model has embeddings")
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= num_embeddings:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    model.loss_type = "ForCausalLM"
    return Policy(model, tokenizer)


def explain_missing_model(key: str, path: str, error: Exception) -> str:
    """One line on why `path` did not load, and what to do."""
    looks_local = Path(path).exists() or path.startswith((".", "/", "~"))
    if Path(path).is_dir():
        problem = "this directory holds no causal language model with its tokenizer (config.json, *.safetensors)"
    elif looks_local:
        problem = "there is no such directory"
    else:
        problem = "not a directory here, and not reachable on the Hugging Face Hub under this id"
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return (
        f"{key}={path}: {problem}; give a directory that save_pretrained wrote or a Hub id, and check the "
        f"network, HF_HUB_OFFLINE and HF_TOKEN (reason: {reason})"
    )


def require_room(model: PreTrainedModel, config: PolicyConfig) -> None:
    """UserError where a longest prompt and completion exceed the model's positions."""
    num_positions = getattr(model.config, "max_position_embeddings", None)
    wanted = config.max_prompt_tokens + config.max_new_tokens
    if num_positions is not None and wanted > num_positions:
        raise UserError(
            f"policy.max_prompt_tokens={config.max_prompt_tokens} and max_new_tokens={config.max_new_tokens}: "
            f"together more than the {num_positions} positions of {config.path or config.name}; lower one of them"
        )


def add_lora(policy: Policy, config: LoraConfig, seed: int) -> Policy:
    """The policy with new LoRA matrices (Hu et al. 2021), which alone train.

    A new adapter starts as no change. Switched off (`model.disable_adapter()`), the model is the
    policy that it started from: PPO's reference without a second copy.
    """
    import peft
    from transformers.pytorch_utils import Conv1D

    uses_conv1d = any(isinstance(module, Conv1D) for module in policy.model.modules())  # GPT-2's linear layer
    try:
        with seeded(seed):
            model: Any = peft.get_peft_model(
                policy.model,
                peft.LoraConfig(
                    task_type="CAUSAL_LM",
                    r=config.r,
                    lora_alpha=config.alpha,
                    lora_dropout=config.dropout,
                    target_modules=list(config.target_modules) if config.target_modules else None,
                    fan_in_fan_out=uses_conv1d,
                ),
            )
    except ValueError as error:
        raise UserError(
            f"policy.lora.target_modules={config.target_modules}: {str(error).splitlines()[0]}; "
            "name the linear layers of this model, such as [q_proj,v_proj]"
        ) from None
    return replace(policy, model=model)


def merged(policy: Policy) -> Policy:
    """The policy as one plain model. The given policy stays as it is."""
    if not hasattr(policy.model, "merge_and_unload"):
        return policy
    return replace(policy, model=merge_adapters(policy.model))


def save_policy(policy: Policy, directory: Path) -> None:
    """Write complete weights and the tokenizer; with LoRA the adapter too, in `adapter/`."""
    plain = merged(policy)
    with without_shard_bars(), writing_to(directory):
        plain.model.save_pretrained(directory)
        plain.tokenizer.save_pretrained(directory)
        if plain is not policy:
            policy.model.save_pretrained(directory / ADAPTER)


def load_policy(directory: Path) -> Policy:
    """What `save_policy` wrote, as a plain model in eval mode on the current device. UserError where there is none."""
    if not directory.is_dir():
        raise UserError(f"{directory}: no policy is saved there")
    return load_pretrained(str(directory))


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """The context that a model computes in: bf16 where asked for and native to the device, else fp32."""
    return torch.autocast(device.type, torch.bfloat16, enabled=uses_bf16(precision, device))


def uses_bf16(precision: Precision, device: torch.device) -> bool:
    """Whether bf16 is asked for and worth it: see `computes_in_bf16`."""
    return precision is Precision.bf16 and computes_in_bf16(device)

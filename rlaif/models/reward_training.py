"""Training of the reward model on preference pairs.

All pairs of an example go through the model together, each completion once, however many
pairs it is in (InstructGPT, Ouyang et al. 2022, section 3.5): with five completions and
eight pairs an example that is 5 sequences instead of 16, and less overfitting.

Not TRL's `RewardTrainer`: it runs two sequences a pair, has no two-class head, and its
sequence classifier finds the last token by comparing ids with the padding's, so that with
pad = EOS the head would not read at the EOS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn

from rlaif.config import Precision, RewardConfig, RewardHead
from rlaif.errors import UserError
from rlaif.models.fit_settings import FitSettings
from rlaif.models.fitting import Batch, FitResult, OnLog, fit
from rlaif.models.padding import pad_right
from rlaif.models.policy import autocast
from rlaif.models.reward_model import RewardModel
from rlaif.models.shares import Shares
from rlaif.records import Pair

ALL_OF_IT = Shares()


@dataclass(frozen=True)
class PairGroup:
    """The pairs of one example, as indices (chosen, rejected) into its distinct sequences."""

    sequences: tuple[tuple[int, ...], ...]
    pairs: tuple[tuple[int, int], ...]
    p_chosen: tuple[float, ...]
    """Each pair's soft label."""


@dataclass(frozen=True)
class RewardResult:
    """How good the reward model is on pairs of examples that it was not trained on."""

    fit: FitResult
    pair_accuracy: float
    """Share of held-out pairs whose chosen completion scores strictly higher."""
    validation_loss: float
    num_train_pairs: int
    num_validation_pairs: int
    num_dropped_pairs: int
    """Pairs whose completions were the same once cut to max_new_tokens."""
    shift: float
    """What was subtracted so that the references score 0 on average; 0 where not asked for."""


def train_reward_model(
    model: RewardModel,
    pairs: Sequence[Pair],
    prompts: Mapping[str, str],
    references: Sequence[tuple[str, str]],
    config: RewardConfig,
    *,
    directory: Path,
    seed: int,
    precision: Precision,
    on_log: OnLog | None = None,
) -> RewardResult:
    """Train `model` in place; it is left with the best weights, centred on the references.

    Args:
        pairs: of chosen and rejected completions. Whole examples are held out, by `seed`.
        prompts: the prompt of every example id in `pairs`.
        references: (prompt, completion) texts to centre on; not read where
            `config.center_on_references` is off.
        config: `batch_size` counts pairs; whole examples make up about that many.
        directory: of the checkpoints, from which a run that died goes on.
        on_log: see `fitting.fit`; evaluations log `validation_loss` and `pair_accuracy`.

    Raises:
        UserError: pairs of fewer than two examples, so that none could be held out.
    """
    groups = group_pairs(model, pairs, prompts)
    train, validation = split_groups(groups, config.validation_fraction, seed)
    num_train_pairs = sum(len(group.pairs) for group in train)
    groups_per_batch = max(1, round(config.batch_size * len(train) / num_train_pairs))
    objective, shares = PairObjective(model), Shares.of_processes()

    def validate() -> dict[str, float]:
        with autocast(precision, model.center.device):
            return evaluate_pairs(objective, validation, groups_per_batch, shares)

    result = fit(
        objective,
        train,
        [max(map(len, group.sequences)) for group in train],
        lambda batch: collate_share(batch, shares, model.tokenizer.pad_token_id),
        validate,
        FitSettings.of(config, batch_size=groups_per_batch),
        directory=directory,
        seed=seed,
        precision=precision,
        on_log=on_log,
        title="reward",
    )
    model.eval()
    figures = validate()
    return RewardResult(
        fit=result,
        pair_accuracy=figures["pair_accuracy"],
        validation_loss=figures["validation_loss"],
        num_train_pairs=num_train_pairs,
        num_validation_pairs=sum(len(group.pairs) for group in validation),
        num_dropped_pairs=len(pairs) - sum(len(group.pairs) for group in groups),
        shift=model.center_on(references, precision=precision) if config.center_on_references else 0.0,
    )


class PairObjective(nn.Module):
    """The loss of a batch of pairs, in the form that a training loop calls."""

    def __init__(self, model: RewardModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        chosen: Tensor,
        rejected: Tensor,
        p_chosen: Tensor,
        weight: float = 1.0,
    ) -> dict[str, Tensor]:
        """`loss` (a mean over pairs) and the rewards of `chosen` and `rejected`, [pairs] each.

        Args:
            input_ids, attention_mask: the batch's distinct sequences, [sequences, length].
            chosen, rejected: each pair's rows, [pairs].
            p_chosen: each pair's soft label, [pairs].
            weight: of the loss.
        """
        logits = self.model.logits(input_ids, attention_mask)
        rewards = self.model.rewards(logits)
        if self.model.head_kind is RewardHead.scalar:
            loss = pairwise_loss(rewards[chosen], rewards[rejected], p_chosen)
        else:
            loss = two_class_loss(logits[chosen], logits[rejected], p_chosen)
        return {"loss": weight * loss, "chosen": rewards[chosen], "rejected": rewards[rejected]}


def pairwise_loss(chosen: Tensor, rejected: Tensor, p_chosen: Tensor) -> Tensor:
    """Cross-entropy of sigmoid(chosen - rejected) with soft labels, the mean over pairs [pairs].

        -(p log sigmoid(Δ) + (1 - p) log sigmoid(-Δ)),   Δ = chosen - rejected

    With p = 1 it is Bradley-Terry's -log sigmoid(Δ). Lee et al. 2023 (RLAIF, arXiv 2309.00267), section 2.2.
    """
    gap = chosen - rejected
    right, wrong = nn.functional.logsigmoid(gap), nn.functional.logsigmoid(-gap)
    return -(p_chosen * right + (1 - p_chosen) * wrong).mean()


def two_class_loss(chosen: Tensor, rejected: Tensor, p_chosen: Tensor) -> Tensor:
    """Cross-entropy of logits [pairs, 2]: the chosen is of class 1 with probability p, the rejected with 1 - p."""
    p_good = torch.cat([p_chosen, 1 - p_chosen])
    classes = torch.stack([1 - p_good, p_good], dim=1)
    return nn.functional.cross_entropy(torch.cat([chosen, rejected]), classes)


def group_pairs(model: RewardModel, pairs: Sequence[Pair], prompts: Mapping[str, str]) -> list[PairGroup]:
    """The pairs by example, each distinct sequence once.

    A pair whose completions are the same after cutting says nothing and is left out.
    """
    texts = {(pair.example_id, text) for pair in pairs for text in (pair.chosen, pair.rejected)}
    keys = sorted(texts)
    encoded = dict(zip(keys, model.encode([(prompts[id], text) for id, text in keys]), strict=True))
    by_example: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_example.setdefault(pair.example_id, []).append(pair)

    groups = []
    for id, members in sorted(by_example.items()):
        rows: dict[tuple[int, ...], int] = {}
        indices, soft_labels = [], []
        for pair in members:
            chosen, rejected = encoded[id, pair.chosen], encoded[id, pair.rejected]
            if chosen != rejected:
                indices.append((rows.setdefault(chosen, len(rows)), rows.setdefault(rejected, len(rows))))
                soft_labels.append(pair.p_chosen)
        if indices:
            groups.append(PairGroup(tuple(rows), tuple(indices), tuple(soft_labels)))
    return groups


def split_groups(
    groups: Sequence[PairGroup], validation_fraction: float, seed: int
) -> tuple[list[PairGroup], list[PairGroup]]:
    """Training and validation, by example: no prompt is in both. At least one example each."""
    if len(groups) < 2:
        raise UserError(
            f"the pairs come from {len(groups)} example(s), and one has to be held out: label more samples "
            "(feedback.sampling.num_prompts) or lower feedback.pairs.min_margin"
        )
    shuffled = list(groups)
    Random(seed).shuffle(shuffled)
    num_validation = min(len(groups) - 1, max(1, round(validation_fraction * len(groups))))
    return shuffled[num_validation:], shuffled[:num_validation]


def collate(groups: Sequence[PairGroup], pad_id: int) -> Batch:
    """Groups to the arguments of `PairObjective.forward`."""
    input_ids, attention_mask = pad_right([row for group in groups for row in group.sequences], pad_id)
    pairs, offset = [], 0
    for group in groups:
        pairs += [(offset + chosen, offset + rejected) for chosen, rejected in group.pairs]
        offset += len(group.sequences)
    chosen, rejected = torch.tensor(pairs).unbind(1)
    return {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "chosen": chosen,
        "rejected": rejected,
        "p_chosen": torch.tensor([p for group in groups for p in group.p_chosen]),
    }


def collate_share(groups: Sequence[PairGroup], shares: Shares, pad_id: int) -> Batch:
    """This process's part of a batch, weighted such that the processes' mean loss is the mean over all pairs."""
    own = shares.own(groups)
    num_own, num_pairs = (sum(len(group.pairs) for group in some) for some in (own, groups))
    return {**collate(own or groups[:1], pad_id), "weight": shares.count * num_own / num_pairs}


@torch.no_grad()
def evaluate_pairs(
    objective: PairObjective, groups: Sequence[PairGroup], batch_size: int, shares: Shares = ALL_OF_IT
) -> dict[str, float]:
    """`validation_loss` and `pair_accuracy`, means over pairs; `shares` as in `supervised.completion_loss`."""
    device = objective.model.center.device
    pad_id = objective.model.tokenizer.pad_token_id
    by_length = sorted(groups, key=lambda group: -max(map(len, group.sequences)))
    loss, num_right, num_pairs = 0.0, 0, 0
    for start in shares.own(range(0, len(by_length), batch_size)):
        batch = collate(by_length[start : start + batch_size], pad_id)
        output = objective(**{name: tensor.to(device) for name, tensor in batch.items()})
        loss += output["loss"].item() * len(batch["chosen"])
        num_right += int((output["chosen"] > output["rejected"]).sum())
        num_pairs += len(batch["chosen"])
    loss, right, total = shares.sum([loss, num_right, num_pairs])
    return {"validation_loss": loss / total, "pair_accuracy": right / total}

"""SFT's loss where a model's own is another: what is trained on equals a cross-entropy by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rlaif.config import Precision
from rlaif.models.fit_settings import FitSettings
from rlaif.models.fitting import fit
from rlaif.models.supervised import TrainingText, batch_loss, collate, takes_window
from tests.architectures.configs import build

TEXTS = [
    TrainingText(tuple(range(3, 3 + length)), num_prompt_tokens)
    for length, num_prompt_tokens in ((9, 2), (4, 3), (12, 5), (6, 1), (7, 4), (15, 14))
]


@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("BART's decoder", {"dropout": 0.0}),  # its forward does not shift labels
        ("Mixtral", {"output_router_logits": True, "router_aux_loss_coef": 1.0}),  # its loss has a term of the router
        ("Mamba-2", {}),
    ],
)
def test_a_step_is_that_of_a_cross_entropy_by_hand(
    name: str, changes: dict[str, object], accumulated: int, tmp_path: Path
) -> None:
    """Its loss and the norm of its gradient; every token counts alike, however the step is cut up."""
    torch.set_num_threads(1)
    model, alone = build(name, **changes), build(name, **changes)
    logged: list[dict[str, float]] = []
    settings = FitSettings(
        learning_rate=1e-3, batch_size=6 // accumulated, max_epochs=1, patience=1, warmup_ratio=0.0, weight_decay=0.0,
        max_grad_norm=1e9, gradient_accumulation_steps=accumulated,
    )  # fmt: skip
    fit(
        model, TEXTS, [len(text.input_ids) for text in TEXTS],
        lambda rows: collate(rows, 0, window=takes_window(model)), lambda: {"validation_loss": 1.0}, settings,
        directory=tmp_path, seed=0, precision=Precision.fp32, loss=batch_loss,
        on_log=lambda _, metrics: logged.extend([metrics] if "loss" in metrics else []),
    )  # fmt: skip

    total, num_tokens = torch.zeros(()), 0
    for text in TEXTS:
        ids, start = torch.tensor([text.input_ids]), text.num_prompt_tokens
        logprobs = alone(input_ids=ids, use_cache=False).logits[0, start - 1 : -1].log_softmax(1)
        total = total - logprobs.gather(1, ids[0, start:, None]).sum()
        num_tokens += len(text.input_ids) - start
    loss = total / num_tokens
    loss.backward()
    norm = torch.nn.utils.get_total_norm([one.grad for one in alone.parameters() if one.grad is not None])
    (figures,) = logged
    assert figures["loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert figures["grad_norm"] == pytest.approx(norm.item(), rel=1e-3)

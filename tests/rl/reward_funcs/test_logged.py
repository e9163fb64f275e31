"""What reward functions log: plain values, whatever they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlaif.errors import UserError
from tests.rl.reward_funcs.one_rollout import score


def test_what_is_logged_may_be_of_numpy_and_torch() -> None:
    def function(completions: list[str], log_extra: Any, log_metric: Any) -> list[float]:
        log_extra("array", np.array([0.5, 1.5], dtype=np.float32))
        log_extra("tensor", torch.tensor([[1, 2], [3, 4]]))
        log_extra("mixed", [{"n": np.int64(3), 1: (np.bool_(True), None)}, Path("a")])
        log_extra("sets", ({np.float64(2.0)}, [torch.tensor(7, requires_grad=False)]))
        for value in (np.float32(1.0), torch.tensor(2.0), np.array([[3.0]]), True, np.int64(1)):
            log_metric("mean", value)
        return [0.0, 0.0]

    scores = score(function)
    assert scores.metrics == {"mean": pytest.approx(8 / 5)}
    logged = json.loads(json.dumps(scores.extra_columns))
    assert logged == {
        "array": [0.5, 1.5],
        "tensor": [[1, 2], [3, 4]],
        "mixed": [{"n": 3, "1": [True, None]}, "a"],
        "sets": [[2.0], [7]],
    }
    assert type(scores.metrics["mean"]) is float


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (lambda extra, metric: extra("x", 3.0), r"log_extra\('x'\): a float"),
        (lambda extra, metric: extra("x", np.float32(3)), r"log_extra\('x'\): a float"),
        (lambda extra, metric: extra("x", "ab"), r"log_extra\('x'\): a str"),
        (lambda extra, metric: extra("x", np.zeros(3)), r"log_extra\('x'\): 3 values for 2 completions"),
        (lambda extra, metric: metric("m", np.zeros(2)), r"log_metric\('m'\): \[0. 0.\] is not a number"),
        (lambda extra, metric: metric("m", "high"), r"log_metric\('m'\): high is not a number"),
        (lambda extra, metric: metric("m", None), r"log_metric\('m'\): None is not a number"),
    ],
)
def test_what_cannot_be_logged(log: Any, says: str) -> None:
    def function(completions: list[str], log_extra: Any, log_metric: Any) -> list[float]:
        log(log_extra, log_metric)
        return [0.0, 0.0]

    with pytest.raises(UserError, match=f"reward function function: {says}"):
        score(function)

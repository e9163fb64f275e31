"""The critic: a scalar head on the policy's own trunk."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ValueHead(nn.Module):
    """V(s) from the trunk's last hidden state; zero before the first step of training.

    A zero start means that the first advantages are the returns themselves, not a random
    critic's noise. The head computes in fp32, also under autocast.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, 1, dtype=torch.float32)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """[..., hidden_size] -> [...], fp32."""
        with torch.autocast(hidden.device.type, enabled=False):
            # A copy, not a view: FSDP2 warns of what in-place operations would do to a view.
            return self.linear(hidden.float()).squeeze(-1).clone()

"""From a model's last hidden states to its logits, as its own forward pass does it.

For most models that is one linear layer, which is then used by itself: its logits are never all in memory. Others scale
logits or cap them, or have a head of several layers; there the model's own forward pass runs on the hidden states, with
a stand-in where its trunk would have made them.
"""

from __future__ import annotations

import copy
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rlaif.models.trunk import trunk_name, trunk_of, unwrapped

PLAIN: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Of models that were looked at: whether their logits are what their output embeddings give."""
SCALES = (1.0, 1000.0)
"""Of hidden states to compare with: a cap shows where logits are large."""


def head_of(model: nn.Module) -> Any:
    """The language-modelling head: hidden states [..., H] -> logits [..., V]."""
    inner = unwrapped(model)
    if inner not in PLAIN:
        PLAIN[inner] = is_plain(inner)
    return inner.get_output_embeddings() if PLAIN[inner] else OwnHead(inner)


def take_over(model: nn.Module, like: nn.Module) -> None:
    """Know of a model what is known of another of the same architecture, without looking at it."""
    if unwrapped(like) in PLAIN:
        PLAIN[unwrapped(model)] = PLAIN[unwrapped(like)]


@torch.no_grad()
def is_plain(model: Any) -> bool:
    """Whether the model's logits are its output embeddings on the hidden states, and nothing else."""
    layer, own = model.get_output_embeddings(), OwnHead(model)
    if layer is None:
        return False
    weight = next(layer.parameters())
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(4, weight.shape[-1], generator=generator).to(weight)
    states = torch.cat([scale * states for scale in SCALES])
    try:
        return torch.allclose(layer(states), own(states), rtol=1e-3)
    except Exception:  # states of another width, a forward pass that wants more than a trunk's output
        return False


class OwnHead(nn.Module):
    """A model's forward pass from its trunk on, on the model's own weights; none of them are this module's."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        trunk = TrunkOutput(trunk_of(model))
        # A shallow copy: the same layers, but for the trunk.
        view = copy.copy(model)
        view.__dict__["_modules"] = {**model._modules, str(trunk_name(model)): trunk}
        self._run = (view, trunk)

    def forward(self, states: Tensor) -> Tensor:
        """[N, H] -> [N, V]"""
        view, trunk = self._run
        trunk.states = states[None]
        logits: Tensor = view(input_ids=torch.zeros(1, len(states), dtype=torch.long, device=states.device)).logits
        trunk.states = None
        return logits[0]


class TrunkOutput(nn.Module):
    """Stands in for a trunk whose hidden states are there already."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self._trunk = (trunk,)
        self.states: Tensor | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return LastHiddenState(self.states)

    def __getattr__(self, name: str) -> Any:
        """What heads ask a trunk for beside its output, such as its decoder (BART, OPT) or its embeddings."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(self._trunk[0], name)
            return self if hasattr(found, "get_input_embeddings") else found


class LastHiddenState:
    """A trunk's output as far as heads read it."""

    def __init__(self, states: Any) -> None:
        self.last_hidden_state = states

    def __getitem__(self, key: Any) -> Any:
        return (self.last_hidden_state,)[key]

    def __getattr__(self, name: str) -> None:
        return None

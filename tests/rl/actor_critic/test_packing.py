"""Packing is used only where it changes nothing, whatever an architecture makes of a row of several sequences."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import ProphetNetConfig, ProphetNetForCausalLM
from transformers.modeling_outputs import BaseModelOutput

from rlaif.errors import UserError
from rlaif.rl.actor_critic.forward import ActorCritic
from rlaif.rl.actor_critic.packing import TRIED_LENGTHS, gives_the_same
from tests.rl.architectures import gpt2


class InPatches(nn.Module):
    """A trunk whose tokens know how many patches of four their row has, as byte models do; or that fails of it."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.fails = gpt2().transformer, fails
        self.config = self.trunk.config

    def get_input_embeddings(self) -> nn.Module:
        return self.trunk.get_input_embeddings()

    def forward(self, input_ids: torch.Tensor | None = None, inputs_embeds: torch.Tensor | None = None, **rest: object):
        states = self.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
        if self.fails and inputs_embeds is not None:
            raise IndexError("index_copy_(): number of indices should be equal to source.size(dim)")
        return BaseModelOutput(last_hidden_state=states + states.shape[1] // 4)


@pytest.mark.parametrize("fails", [False, True])
def test_what_counts_the_tokens_of_a_row_is_not_packed(fails: bool) -> None:
    assert len(set(TRIED_LENGTHS)) == len(TRIED_LENGTHS) > 2
    assert not gives_the_same(InPatches(fails).eval())


def test_a_head_that_wants_more_than_hidden_states_is_one_line() -> None:
    torch.manual_seed(0)
    model = ProphetNetForCausalLM(
        ProphetNetConfig(vocab_size=32, hidden_size=16, num_encoder_layers=1, num_decoder_layers=1, ngram=2,
                         num_encoder_attention_heads=2, num_decoder_attention_heads=2, encoder_ffn_dim=16,
                         decoder_ffn_dim=16, max_position_embeddings=32)
    )  # fmt: skip
    with pytest.raises(UserError, match="makes its logits of more than its trunk's last hidden states"):
        ActorCritic(model.eval())

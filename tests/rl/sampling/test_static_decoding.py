"""Static decoding: what is compiled and how often, what lives on, and which types its cache has."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GraniteConfig,
    GraniteForCausalLM,
)

from rlaif.rl.actor_critic.forward import training_precision
from rlaif.rl.sampling.sampler import SampledTokens
from rlaif.rl.sampling.static_decoding import StaticDecoder, can_be_static, decode_static, decoder_for
from rlaif.rl.sampling.trial import is_static_right
from tests.rl.architectures import SMALL, VOCAB_SIZE, gpt2, qwen2
from tests.rl.sampling.test_sampler import PROMPTS, STEPS, one_by_one, run, some_uniforms, with_critic


def test_static_step_has_no_graph_breaks_worth_a_recompilation() -> None:
    """Dynamo traces the static step once, whatever the step, and the result is the same."""
    torch._dynamo.reset()
    graphs: list[Any] = []

    def count(graph: Any, inputs: Any) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    model = with_critic(gpt2())
    decoder = decoder_for(model, 7, 7 + STEPS, 0.7)
    decoder.step = torch.compile(decoder.step, backend=count, dynamic=False, fullgraph=True)  # type: ignore[method-assign]
    found = run(model, some_uniforms(), batch_size=7, compiled=True)
    assert [completion.ids for completion in found] == one_by_one(model.policy, some_uniforms())
    assert len(graphs) == 1


def compiling_with(monkeypatch: pytest.MonkeyPatch, graphs: list[Any]) -> None:
    """On a CPU as on a GPU: the static step is compiled, by a backend that only counts."""

    def count(graph: Any, inputs: Any) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    compile_as_before = torch.compile
    monkeypatch.setattr(torch, "compile", lambda step, **_: compile_as_before(step, backend=count, dynamic=False))
    make = StaticDecoder.__init__

    def make_compiled(decoder: StaticDecoder, *arguments: Any) -> None:
        make(decoder, *arguments)
        decoder.step = decoder.compiled_step  # type: ignore[method-assign]

    monkeypatch.setattr(StaticDecoder, "__init__", make_compiled)


@pytest.mark.slow
def test_a_head_that_scales_is_part_of_the_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    policy = GraniteForCausalLM(GraniteConfig(**SMALL, logits_scaling=8.0))
    model = with_critic(policy)
    assert is_static_right(model)
    graphs: list[Any] = []
    compiling_with(monkeypatch, graphs)
    uniforms = some_uniforms()
    found = run(model, uniforms, batch_size=7, compiled=True)
    assert [completion.ids for completion in found] == one_by_one(policy, uniforms)
    assert len(graphs) == 1


@pytest.mark.slow
def test_the_ninth_decoder_is_compiled_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch compiles a code object eight times, and then runs it uncompiled without a word."""
    torch._dynamo.reset()
    model = with_critic(GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=32, n_layer=1, n_head=2, n_positions=64)))
    assert is_static_right(model)
    graphs: list[Any] = []
    compiling_with(monkeypatch, graphs)
    for number in range(9):
        found: dict[int, SampledTokens] = {}
        temperature = 1 + number / 10  # each has a decoder of its own
        decode_static(model, [[5, 6], [7]], torch.rand(2, 3).double(), {49}, temperature, found.__setitem__, 2)
        assert len(graphs) == number + 1 and len(found) == 2


def test_compiled_decoders_go_with_their_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    torch._dynamo.reset()
    graphs: list[Any] = []
    model = with_critic(gpt2())
    assert is_static_right(model)
    compiling_with(monkeypatch, graphs)
    run(model, some_uniforms(), batch_size=7, compiled=True)
    assert graphs
    graphs.clear()
    weight = weakref.ref(model.policy.transformer.wte.weight)
    del model
    gc.collect()
    assert weight() is None


@pytest.mark.parametrize("compiled", [False, True], ids=["dynamic", "static"])
@pytest.mark.parametrize("build", [gpt2, qwen2])
def test_static_decoding_under_bf16_says_what_dynamic_decoding_says(
    build: Callable[[], nn.Module], compiled: bool
) -> None:
    """Rotary keys are fp32 and values bf16 there."""
    model = with_critic(build())
    with training_precision(torch.device("cpu"), bf16=True):
        found = run(model, some_uniforms(), compiled=compiled)
        for prompt, completion in zip(PROMPTS, found, strict=True):
            ids = torch.tensor([[*prompt, *completion.ids]])
            mask = torch.arange(ids.shape[1])[None] >= len(prompt)
            trained = model(ids, mask, temperature=0.7).logprobs[mask].detach()
            torch.testing.assert_close(completion.logprobs, trained, rtol=0.05, atol=0.1)


def test_alibi_is_not_decoded_statically() -> None:
    shape = {"vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    falcon = FalconForCausalLM(FalconConfig(**shape, alibi=True, multi_query=False, bos_token_id=0, eos_token_id=0))
    model = with_critic(falcon)
    assert not can_be_static(model.trunk)
    uniforms = some_uniforms()
    found = run(model, uniforms, compiled=True)
    assert [completion.ids for completion in found] == one_by_one(falcon, uniforms)

"""The tokenizer and the policy: exact text, separate padding, saving, LoRA, and clear errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rlaif.config import LoraConfig, PolicyConfig, PolicyKind, Precision, ScratchConfig, SftConfig
from rlaif.errors import UserError
from rlaif.models.policy import add_lora, build_policy, load_policy, merged, save_policy, uses_bf16
from rlaif.models.tokenizer import train_tokenizer

TEXTS = [
    "###Instruction: Print the name of Ada, who is 42.\n###Output:\n<<<domain>>>: Text\n<<<code>>>: "
    "def f(x):\n    return x\nprint(f('Ada'), 42)",
    "###Instruction: Join the words red and blue.\n###Output:\n<<<domain>>>: Text\n<<<code>>>: "
    "print(' '.join(['red', 'blue']))",
]


def tiny_config(**changes: object) -> PolicyConfig:
    config = PolicyConfig(
        name="tiny",
        kind=PolicyKind.scratch,
        max_prompt_tokens=40,
        max_new_tokens=60,
        precision=Precision.fp32,
        scratch=ScratchConfig(num_layers=2, num_heads=2, width=16, vocab_size=300),
        sft=SftConfig(dropout=0.0),
    )
    return replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def policy():
    torch.set_num_threads(1)
    return build_policy(tiny_config(), TEXTS, seed=0)


def ids_of(policy, text: str) -> torch.Tensor:
    return torch.tensor([policy.tokenizer(text)["input_ids"]])


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS,
        "",
        "  two leading spaces , and odd .\t\ttabs\r\n\n\n    x_1 = __init__  ",
        "never seen: Zürich ≥ 日本 🙂 ٣ \x00 a\u0301",
        "it 's [ spaced ] 'd n't .",
    ],
)
def test_text_round_trips_exactly(policy, text: str) -> None:
    assert policy.tokenizer.decode(policy.tokenizer(text)["input_ids"]) == text


def test_apibench_round_trips_exactly(apibench_dir: Path) -> None:
    from rlaif.config import DataConfig, DataSource
    from rlaif.data.load import load_dataset
    from rlaif.data.prompt import format_prompt, format_target

    config = DataConfig(name="torchhub", source=DataSource.apibench, hub="torchhub", dir=str(apibench_dir))
    examples = load_dataset(config).examples
    texts = [format_prompt(example.instruction) + format_target(example.reference) for example in examples]
    tokenizer = train_tokenizer(texts[:300], 1000)
    assert len(texts) > 1000
    assert tokenizer.batch_decode(tokenizer(texts)["input_ids"]) == texts


def test_training_a_tokenizer_twice_gives_the_same_one() -> None:
    first, second = train_tokenizer(TEXTS, 300), train_tokenizer(iter(TEXTS), 300)
    assert first.backend_tokenizer.to_str() == second.backend_tokenizer.to_str()


def test_a_value_is_the_same_tokens_in_prose_and_in_code(policy) -> None:
    tokenizer = policy.tokenizer
    value = tokenizer("Ada42")["input_ids"]
    around = ((" ", " "), ("'", "')"), ("(", ","), ("\n", "."), (" = ", "\n"), (", ", " * "))
    for before, after in around:
        whole = tokenizer(before + "Ada42" + after)["input_ids"]
        starts = range(len(whole) - len(value) + 1)
        assert any(value == whole[start : start + len(value)] for start in starts), (before, after)


def test_tags_and_marks_are_single_tokens() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    pieces = [tokenizer.decode([id]) for id in tokenizer(TEXTS[0])["input_ids"]]
    assert {"###Instruction: ", "\n###Output:\n", "<<<domain>>>: ", "\n<<<code>>>: "} <= set(pieces)


def test_padding_is_a_token_of_its_own(policy) -> None:
    tokenizer = policy.tokenizer
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert policy.model.config.pad_token_id == tokenizer.pad_token_id
    assert policy.model.config.eos_token_id == tokenizer.eos_token_id


def test_positions_are_prompt_and_completion(policy) -> None:
    assert policy.model.config.n_positions == 100
    assert policy.num_parameters == sum(p.numel() for p in policy.model.parameters()) > 0


def test_the_seed_decides_the_weights_and_leaves_the_random_stream_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build_policy(tiny_config(), TEXTS, seed=seed).model for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    weight = "transformer.h.0.attn.c_attn.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])


def test_saved_policy_is_the_same_policy(policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path)
    loaded = load_policy(tmp_path)
    for name, tensor in policy.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    assert loaded.tokenizer.pad_token_id == policy.tokenizer.pad_token_id
    assert loaded.tokenizer(TEXTS)["input_ids"] == policy.tokenizer(TEXTS)["input_ids"]
    assert loaded.tokenizer.decode(loaded.tokenizer("a , b")["input_ids"]) == "a , b"


def with_random_lora(policy):
    adapted = add_lora(build_policy(tiny_config(), TEXTS, seed=0), LoraConfig(enabled=True, r=2, alpha=4), seed=1)
    generator = torch.Generator().manual_seed(2)
    for name, parameter in adapted.model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    return adapted


def test_new_lora_changes_nothing_and_alone_trains(policy) -> None:
    adapted = add_lora(build_policy(tiny_config(), TEXTS, seed=0), LoraConfig(enabled=True, r=2), seed=1)
    ids = ids_of(policy, TEXTS[0])
    with torch.no_grad():
        assert torch.equal(adapted.model.eval()(ids).logits, policy.model.eval()(ids).logits)
    trainable = [name for name, parameter in adapted.model.named_parameters() if parameter.requires_grad]
    assert trainable and all("lora_" in name for name in trainable)
    assert 0 < adapted.num_trainable_parameters < 0.2 * adapted.num_parameters


def test_lora_round_trip(policy, tmp_path: Path) -> None:
    adapted = with_random_lora(policy)
    ids = ids_of(policy, TEXTS[0])
    with torch.no_grad():
        wanted = adapted.model.eval()(ids).logits
        save_policy(adapted, tmp_path)
        assert torch.equal(adapted.model(ids).logits, wanted), "saving changed the policy"
        loaded = load_policy(tmp_path).model.eval()(ids).logits
        plain = merged(adapted).model.eval()(ids).logits
        base = policy.model.eval()(ids).logits
    assert torch.allclose(loaded, wanted, atol=1e-5)
    assert torch.equal(loaded, plain)
    assert not torch.allclose(base, wanted, atol=1e-2), "the adapter did nothing, so the test could not fail"
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize("modules", [["wte"], ["lm_head"], ["wte", "lm_head"], ["lm_head", "c_attn", "c_fc"], ["wpe"]])
def test_lora_on_a_tied_embedding_or_head_is_saved_as_it_was_trained(
    policy, tmp_path: Path, modules: list[str]
) -> None:
    config = LoraConfig(enabled=True, r=2, alpha=4, target_modules=modules)
    adapted = add_lora(build_policy(tiny_config(), TEXTS, seed=0), config, seed=1)
    generator = torch.Generator().manual_seed(2)
    for name, parameter in adapted.model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3
    ids = ids_of(policy, TEXTS[0])
    with torch.no_grad():
        wanted = adapted.model.eval()(ids).logits.log_softmax(-1)
        save_policy(adapted, tmp_path)
        found = load_policy(tmp_path).model(ids).logits.log_softmax(-1)
        base = policy.model.eval()(ids).logits.log_softmax(-1)
    assert (wanted - base).abs().max() > 0.01, "the adapter did nothing, so the test could not fail"
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_pretrained_from_a_directory(policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path)
    config = tiny_config(kind=PolicyKind.pretrained, path=str(tmp_path))
    built = build_policy(config, [], seed=0)
    ids = ids_of(policy, TEXTS[0])
    with torch.no_grad():
        assert torch.equal(built.model.eval()(ids).logits, policy.model.eval()(ids).logits)


def test_a_tokenizer_without_padding_pads_with_eos_and_says_so(policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path)
    tokenizer = train_tokenizer(TEXTS, 300)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    built = build_policy(tiny_config(kind=PolicyKind.pretrained, path=str(tmp_path)), [], seed=0)
    assert built.tokenizer.pad_token_id == built.tokenizer.eos_token_id
    assert "no padding token" in built.describe()
    assert built.model.get_input_embeddings().weight.shape == policy.model.get_input_embeddings().weight.shape


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("./nowhere", "there is no such directory"),
        ("someone/no-such-model", "not reachable on the Hugging Face Hub"),
        (None, "needs a Hub id or a directory"),
    ],
)
def test_a_path_that_is_no_model(path: str | None, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        build_policy(tiny_config(kind=PolicyKind.pretrained, path=path), [], seed=0)
    message = str(caught.value)
    assert "policy.path" in message and problem in message and "\n" not in message


def test_a_directory_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"policy\.path=.*holds no causal language model"):
        build_policy(tiny_config(kind=PolicyKind.pretrained, path=str(tmp_path)), [], seed=0)
    with pytest.raises(UserError, match="no policy is saved there"):
        load_policy(tmp_path / "absent")


def test_too_few_positions(policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path)
    config = tiny_config(kind=PolicyKind.pretrained, path=str(tmp_path), max_new_tokens=61)
    with pytest.raises(UserError, match="more than the 100 positions"):
        build_policy(config, [], seed=0)


def test_unknown_lora_modules_are_named() -> None:
    config = LoraConfig(enabled=True, target_modules=["q_proj"])
    with pytest.raises(UserError, match=r"policy\.lora\.target_modules=\['q_proj'\]"):
        add_lora(build_policy(tiny_config(), TEXTS, seed=0), config, seed=0)


def test_recorded_answers_have_no_weights() -> None:
    with pytest.raises(UserError, match="no weights"):
        build_policy(tiny_config(kind=PolicyKind.responses), TEXTS, seed=0)


def test_no_texts_for_a_tokenizer() -> None:
    with pytest.raises(UserError, match="training set is empty"):
        build_policy(tiny_config(), [], seed=0)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx2": True}, False), ({"avx512_f": True}, False), ({"avx512_bf16": True}, True), ({"bf16": True}, True)],
)
def test_bf16_only_where_the_cpu_has_it(
    capabilities: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert uses_bf16(Precision.bf16, torch.device("cpu")) is expected
    assert not uses_bf16(Precision.fp32, torch.device("cpu"))

"""The reward model: both heads by hand, where it reads, centring, saving, and that it learns pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch

from rlaif.config import (
    LoraConfig,
    PolicyConfig,
    PolicyKind,
    Precision,
    RewardConfig,
    RewardHead,
    ScratchConfig,
    SftConfig,
)
from rlaif.errors import UserError
from rlaif.models.padding import pad_right
from rlaif.models.policy import add_lora, build_policy, merged
from rlaif.models.reward_model import RewardModel, last_token
from rlaif.models.reward_training import (
    PairObjective,
    collate,
    evaluate_pairs,
    group_pairs,
    pairwise_loss,
    split_groups,
    train_reward_model,
    two_class_loss,
)
from rlaif.records import Pair

NAMES = (
    *("Ada", "Bo", "Cleo", "Dana", "Ella", "Finn", "Gita", "Hugo", "Ida", "Jack"),
    *("Kai", "Lena", "Mina", "Noor", "Omar", "Pia", "Rita", "Sam", "Tara", "Uma"),
)
GOOD = [f"\nprint('{name}')" for name in NAMES]
BAD = [f"\nprint({name}" for name in NAMES]
PROMPTS = {f"example-{number}": f"###Instruction: Say {name}.\n###Output:" for number, name in enumerate(NAMES)}
REFERENCES = list(zip(PROMPTS.values(), GOOD, strict=True))
PAIRS = [
    Pair(id, f"{id}-good", f"{id}-bad{which}", good, bad, 0.5)
    for id, good, bads in zip(
        PROMPTS, GOOD, [(BAD[n], GOOD[n] + ")", "\n" + BAD[n - 1]) for n in range(20)], strict=True
    )
    for which, bad in enumerate(bads)
]
BOTH_HEADS = pytest.mark.parametrize("head", list(RewardHead))


def tiny_policy():
    torch.set_num_threads(1)
    config = PolicyConfig(
        name="tiny",
        kind=PolicyKind.scratch,
        max_prompt_tokens=30,
        max_new_tokens=20,
        scratch=ScratchConfig(num_layers=2, num_heads=2, width=16, vocab_size=320),
        sft=SftConfig(dropout=0.0),
    )
    return build_policy(config, [prompt + good for prompt, good in REFERENCES], seed=0)


def tiny_model(head: RewardHead = RewardHead.scalar, policy=None) -> RewardModel:
    return RewardModel.from_policy(
        policy or tiny_policy(), head, max_prompt_tokens=30, max_new_tokens=20, seed=0
    ).eval()


def tiny_config(**changes: object) -> RewardConfig:
    config = RewardConfig(
        name="tiny", head=RewardHead.scalar, learning_rate=3e-3, batch_size=6, max_epochs=15, patience=15
    )
    return replace(config, validation_fraction=0.2, **changes)  # type: ignore[arg-type]


def train(model: RewardModel, directory: Path, config: RewardConfig, **options: object):
    return train_reward_model(
        model, PAIRS, PROMPTS, REFERENCES, config, directory=directory, seed=1, precision=Precision.fp32, **options
    )


@BOTH_HEADS
def test_reward_by_hand(head: RewardHead) -> None:
    """One text at a time, without padding or masks: hidden state at the EOS times the head, in NumPy."""
    model = tiny_model(head)
    model.center.fill_(0.25)
    texts = [(prompt, text) for prompt, text in REFERENCES[:3]] + [(REFERENCES[0][0], "\nx = 1\ny = 2")]
    wanted = []
    for prompt, text in texts:
        ids = [*model.tokenizer(prompt)["input_ids"], *model.tokenizer(text)["input_ids"], 0]
        assert model.tokenizer.eos_token_id == 0
        with torch.no_grad():
            hidden = model.trunk(torch.tensor([ids])).last_hidden_state[0, -1].double().numpy()
        weight, bias = (p.detach().double().numpy() for p in (model.head.weight, model.head.bias))
        logits = weight @ hidden + bias
        wanted.append((logits[0] if head is RewardHead.scalar else logits[1] - logits[0]) - 0.25)
    assert model.score(texts, batch_size=2) == pytest.approx(wanted, abs=1e-5)
    assert numpy.std(wanted) > 1e-3, "equal rewards would hide a mixed-up order"


@BOTH_HEADS
def test_padding_side_and_amount_do_not_matter(head: RewardHead) -> None:
    model = tiny_model(head)
    sequences = model.encode([*REFERENCES[:2], (REFERENCES[0][0], "\na much longer text, you know")])
    pad = model.tokenizer.pad_token_id
    ids, mask = pad_right(sequences, pad)
    left_ids, left_mask = ids.clone(), mask.clone()
    for row, sequence in enumerate(sequences):
        left_ids[row], left_mask[row] = ids[row].roll(-len(sequence)), mask[row].roll(-len(sequence))
    wide_ids = torch.nn.functional.pad(ids, (3, 5), value=7)
    wide_mask = torch.nn.functional.pad(mask, (3, 5))
    assert left_mask[0, 0] == 0 and mask[0, -1] == 0
    with torch.no_grad():
        right, left, wide = model(ids, mask), model(left_ids, left_mask), model(wide_ids, wide_mask)
    assert torch.allclose(left, right, atol=1e-5)
    assert torch.allclose(wide, right, atol=1e-5)


def test_padding_that_is_the_eos_changes_no_score() -> None:
    model = tiny_model()
    wanted = model.score(REFERENCES, batch_size=8)
    model.tokenizer.pad_token = model.tokenizer.eos_token
    assert model.score([*REFERENCES], batch_size=8) == pytest.approx(wanted, abs=1e-6)


def test_last_token() -> None:
    mask = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]])
    assert last_token(mask).tolist() == [1, 2, 3, 3]


def test_long_texts_are_cut_and_still_end_in_eos() -> None:
    model = tiny_model()
    (ids,) = model.encode([("a b " * 100, "c d " * 100)])
    assert len(ids) == 30 + 20 and ids[-1] == model.tokenizer.eos_token_id
    assert list(ids[:30]) == model.tokenizer("a b " * 100)["input_ids"][-30:]
    assert list(ids[30:-1]) == model.tokenizer("c d " * 100)["input_ids"][:19]
    assert model.encode([]) == [] and model.score([]) == []


def test_losses_by_hand() -> None:
    chosen, rejected = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.0])
    wanted = (math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(3.0))) / 2
    assert pairwise_loss(chosen, rejected, torch.ones(2)).item() == pytest.approx(wanted, abs=1e-6)

    chosen, rejected = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.5]])
    wanted = (math.log(1 + math.exp(-2.0)) + math.log(1 + math.exp(-0.5))) / 2
    assert two_class_loss(chosen, rejected, torch.ones(1)).item() == pytest.approx(wanted, abs=1e-6)


def test_soft_losses_by_hand() -> None:
    """p = 0.8 with Δ = 0.5: 0.8 log(1 + e^-0.5) + 0.2 log(1 + e^0.5); least where sigmoid(Δ) = p."""
    p = torch.tensor([0.8])
    wanted = 0.8 * math.log(1 + math.exp(-0.5)) + 0.2 * math.log(1 + math.exp(0.5))
    assert pairwise_loss(torch.tensor([1.0]), torch.tensor([0.5]), p).item() == pytest.approx(wanted, abs=1e-6)
    gap = torch.tensor([math.log(4.0)], requires_grad=True)
    pairwise_loss(gap, torch.zeros(1), p).backward()
    assert gap.grad is not None and gap.grad.item() == pytest.approx(0.0, abs=1e-6)

    chosen, rejected = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 0.5]])
    good, bad = (torch.log_softmax(logits[0], 0).tolist() for logits in (chosen, rejected))
    wanted = -(0.8 * good[1] + 0.2 * good[0] + 0.2 * bad[1] + 0.8 * bad[0]) / 2
    assert two_class_loss(chosen, rejected, p).item() == pytest.approx(wanted, abs=1e-6)


def test_soft_labels_reach_the_loss() -> None:
    model = tiny_model()
    soft = [replace(pair, p_chosen=0.25 + 0.5 * (number % 2)) for number, pair in enumerate(PAIRS[:6])]
    batch = collate(group_pairs(model, soft, PROMPTS), model.tokenizer.pad_token_id)
    assert batch["p_chosen"].tolist() == [pair.p_chosen for pair in soft]
    with torch.no_grad():
        output = PairObjective(model)(**batch)
    gap = output["chosen"] - output["rejected"]
    p = batch["p_chosen"]
    wanted = -(p * gap.sigmoid().log() + (1 - p) * (1 - gap.sigmoid()).log()).mean().item()
    assert output["loss"].item() == pytest.approx(wanted, abs=1e-5)


@BOTH_HEADS
def test_shared_sequences_give_the_loss_of_separate_pairs(head: RewardHead) -> None:
    model = tiny_model(head)
    groups = group_pairs(model, PAIRS[:9], PROMPTS)
    assert [len(group.pairs) for group in groups] == [3, 3, 3]
    assert [len(group.sequences) for group in groups] == [4, 4, 4]
    objective = PairObjective(model)
    with torch.no_grad():
        together = objective(**collate(groups, model.tokenizer.pad_token_id))["loss"].item()
    separate = []
    for pair in PAIRS[:9]:
        prompt = PROMPTS[pair.example_id]
        (chosen,), (rejected,) = ([*model.encode([(prompt, text)])] for text in (pair.chosen, pair.rejected))
        with torch.no_grad():
            a, b = (model.logits(*pad_right([ids], 0)) for ids in (chosen, rejected))
        if head is RewardHead.scalar:
            separate.append(-math.log(1 / (1 + math.exp(-(a - b).item()))))
        else:
            separate.append((-a.log_softmax(-1)[0, 1].item() - b.log_softmax(-1)[0, 0].item()) / 2)
    assert together == pytest.approx(numpy.mean(separate), abs=1e-5)
    for batch_size in (1, 2, 3):
        assert evaluate_pairs(objective, groups, batch_size)["validation_loss"] == pytest.approx(together, abs=1e-5)


@BOTH_HEADS
def test_it_learns_pairs_and_is_centred(head: RewardHead, tmp_path: Path) -> None:
    rows: list[tuple[int, dict[str, float]]] = []
    model = tiny_model(head)
    result = train(model, tmp_path, tiny_config(head=head), on_log=lambda *row: rows.append(row))
    assert result.pair_accuracy > 0.95
    assert (result.num_train_pairs, result.num_validation_pairs, result.num_dropped_pairs) == (48, 12, 0)
    assert result.validation_loss == pytest.approx(result.fit.best_validation_loss, abs=1e-5)
    assert any("pair_accuracy" in metrics for _, metrics in rows)

    scores = model.score(REFERENCES, batch_size=3)
    assert abs(sum(scores) / len(scores)) < 1e-5
    assert abs(result.shift) > 1e-3
    bad = model.score(list(zip(PROMPTS.values(), BAD, strict=True)))
    assert sum(good > worse for good, worse in zip(scores, bad, strict=True)) >= 19


def test_centring_can_be_left_out(tmp_path: Path) -> None:
    model = tiny_model()
    result = train(model, tmp_path, tiny_config(max_epochs=1, center_on_references=False))
    assert result.shift == 0.0 and model.center.item() == 0.0


def test_centring_twice_is_centring_once() -> None:
    model = tiny_model()
    model.center_on(REFERENCES)
    assert model.center_on(REFERENCES) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(UserError, match="no references"):
        model.center_on([])


@BOTH_HEADS
def test_saved_model_scores_the_same(head: RewardHead, tmp_path: Path) -> None:
    model = tiny_model(head)
    model.center_on(REFERENCES)
    model.save(tmp_path)
    loaded = RewardModel.load(tmp_path)
    assert loaded.head_kind is head and not loaded.training
    assert loaded.score(REFERENCES) == model.score(REFERENCES)
    with pytest.raises(UserError, match="no reward model is saved there"):
        RewardModel.load(tmp_path / "absent")


def test_a_stopped_run_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    config = tiny_config(max_epochs=4)

    def stop(step: int, metrics: dict[str, float]) -> None:
        if "pair_accuracy" in metrics and step > 10:
            raise KeyboardInterrupt

    whole, resumed = tiny_model(), tiny_model()
    expected = train(whole, tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_model(), tmp_path / "stopped", config, on_log=stop)
    assert list((tmp_path / "stopped").glob("checkpoint-*"))
    result = train(resumed, tmp_path / "stopped", config)
    assert (result.pair_accuracy, result.shift) == (expected.pair_accuracy, expected.shift)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_the_policy_is_not_changed_by_its_reward_model(tmp_path: Path) -> None:
    policy = tiny_policy()
    before = {name: tensor.clone() for name, tensor in policy.model.state_dict().items()}
    train(tiny_model(policy=policy), tmp_path, tiny_config(max_epochs=1))
    assert all(torch.equal(tensor, before[name]) for name, tensor in policy.model.state_dict().items())


def test_a_lora_policy_gives_its_merged_trunk() -> None:
    policy = add_lora(tiny_policy(), LoraConfig(enabled=True, r=2), seed=0)
    for name, parameter in policy.model.named_parameters():
        if "lora_B" in name:
            parameter.data.fill_(0.1)
    trunk = tiny_model(policy=policy).trunk
    plain = merged(policy).model.base_model
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(trunk(ids).last_hidden_state, plain.eval()(ids).last_hidden_state)
        assert not torch.allclose(trunk(ids)[0], tiny_policy().model.base_model.eval()(ids)[0], atol=1e-3)


def test_validation_is_split_by_example() -> None:
    model = tiny_model()
    groups = group_pairs(model, PAIRS, PROMPTS)
    training, validation = split_groups(groups, 0.2, seed=3)
    assert (len(training), len(validation)) == (16, 4)
    assert not set(training) & set(validation)
    assert split_groups(groups, 0.2, seed=3)[1] == validation != split_groups(groups, 0.2, seed=4)[1]
    with pytest.raises(UserError, match="pairs come from 1 example"):
        split_groups(groups[:1], 0.2, seed=3)


def test_pairs_that_are_equal_after_cutting_are_dropped() -> None:
    model = tiny_model()
    long = "\n" + "x y " * 40
    pairs = [Pair("example-0", "a", "b", long + "1", long + "2", 0.5), PAIRS[3]]
    groups = group_pairs(model, pairs, PROMPTS)
    assert [len(group.pairs) for group in groups] == [1]

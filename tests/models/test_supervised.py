"""SFT: what the loss counts, how texts are cut, when it stops, and that it goes on after a kill."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch

from rlaif.config import LoraConfig, LrSchedule, PolicyConfig, PolicyKind, Precision, ScratchConfig, SftConfig
from rlaif.errors import UserError
from rlaif.models.checkpoints import last_checkpoint
from rlaif.models.length_groups import LengthGroupedSampler
from rlaif.models.policy import build_policy
from rlaif.models.supervised import IGNORED, collate, completion_loss, encode_texts, train_supervised

WORDS = ("red", "green", "blue", "black", "white", "amber", "coral", "gold")
TEXTS = [(f"###Instruction: Say {a} and {b}.\n###Output:", f"\nprint('{a}', '{b}')") for a in WORDS for b in WORDS]
TRAIN, VALIDATION = TEXTS[:48], TEXTS[48:]


def tiny_config(**sft: object) -> PolicyConfig:
    settings = {"batch_size": 8, "max_epochs": 2, "eval_steps": 4, "patience": 3, "learning_rate": 3e-3}
    return PolicyConfig(
        name="tiny",
        kind=PolicyKind.scratch,
        max_prompt_tokens=30,
        max_new_tokens=30,
        precision=Precision.fp32,
        scratch=ScratchConfig(num_layers=1, num_heads=2, width=16, vocab_size=320),
        sft=SftConfig(**{**settings, **sft}),  # type: ignore[arg-type]
    )


def tiny_policy(config: PolicyConfig):
    torch.set_num_threads(1)
    return build_policy(config, [prompt + target for prompt, target in TEXTS], seed=0)


@pytest.fixture(scope="module")
def policy():
    return tiny_policy(tiny_config())


def encode(policy, texts, max_prompt_tokens=30, max_new_tokens=30):
    return encode_texts(
        policy.tokenizer, texts, max_prompt_tokens=max_prompt_tokens, max_new_tokens=max_new_tokens
    )


def test_labels_by_hand(policy) -> None:
    tokenizer = policy.tokenizer
    prompt, target = "ab", "cd e"
    p, t = tokenizer(prompt)["input_ids"], tokenizer(target)["input_ids"]
    short = (tokenizer("a")["input_ids"], tokenizer("c")["input_ids"])
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id

    batch = collate(encode(policy, [(prompt, target), ("a", "c")]), pad)

    first = [*p, *t, eos]
    second = [*short[0], *short[1], eos]
    num_padding = len(first) - len(second)
    assert num_padding > 0
    assert batch["input_ids"].tolist() == [first, second + [pad] * num_padding]
    assert batch["attention_mask"].tolist() == [[1] * len(first), [1] * len(second) + [0] * num_padding]
    assert batch["labels"].tolist() == [
        [IGNORED] * len(p) + [*t, eos],
        [IGNORED] * len(short[0]) + [*short[1], eos] + [IGNORED] * num_padding,
    ]


def test_the_eos_is_learnt_where_padding_is_the_eos(policy) -> None:
    eos = policy.tokenizer.eos_token_id
    batch = collate(encode(policy, [("ab", "cd e"), ("a", "c")]), eos)
    assert (batch["labels"] == eos).sum(1).tolist() == [1, 1]
    assert (batch["attention_mask"].sum(1) == (batch["input_ids"] != eos).sum(1) + 1).all()


def test_long_prompts_lose_their_beginning_and_long_targets_their_end(policy) -> None:
    tokenizer = policy.tokenizer
    prompt, target = "one two three four", "five six seven"
    p, t = tokenizer(prompt)["input_ids"], tokenizer(target)["input_ids"]
    (text,) = encode(policy, [(prompt, target)], max_prompt_tokens=3, max_new_tokens=4)
    assert text.input_ids == (*p[-3:], *t[:4])
    assert text.prompt_was_cut and text.target_was_cut
    assert tokenizer.eos_token_id not in text.input_ids

    (text,) = encode(policy, [(prompt, target)], max_prompt_tokens=len(p), max_new_tokens=len(t) + 1)
    assert text.input_ids == (*p, *t, tokenizer.eos_token_id)
    assert not text.prompt_was_cut and not text.target_was_cut

    (text,) = encode(policy, [(prompt, target)], max_new_tokens=len(t))
    assert text.target_was_cut, "there is no room for the EOS"


def completion_loss_by_hand(policy, texts) -> float:
    """One text at a time, in float64, with no padding and no mask."""
    losses = []
    for text in texts:
        with torch.no_grad():
            logits = policy.model.eval()(torch.tensor([text.input_ids])).logits[0].double().numpy()
        for position in range(text.num_prompt_tokens, len(text.input_ids)):
            row = logits[position - 1]
            log_sum = row.max() + numpy.log(numpy.exp(row - row.max()).sum())
            losses.append(log_sum - row[text.input_ids[position]])
    return float(numpy.mean(losses))


def test_loss_counts_the_completions_tokens_only(policy) -> None:
    texts = encode(policy, [("ab", "cd e"), ("a", "c"), ("x y z", "q" * 20)])
    wanted = completion_loss_by_hand(policy, texts)
    policy.model.eval()
    for batch_size in (1, 2, 3):
        assert completion_loss(policy, texts, batch_size) == pytest.approx(wanted, abs=1e-5)
    batch = collate(texts, policy.tokenizer.pad_token_id)
    with torch.no_grad():
        assert policy.model(**batch).loss.item() == pytest.approx(wanted, abs=1e-5)


def test_leaving_out_the_prompts_logits_changes_neither_loss_nor_gradient(policy) -> None:
    texts = encode(policy, [("Say red.", "b c d"), ("Say red and blue.", "e"), ("two words", "and three more words")])

    def loss_and_gradient(window: bool):
        policy.model.zero_grad()
        batch = collate(texts, policy.tokenizer.pad_token_id, window=window)
        output = policy.model(**batch)
        output.loss.backward()
        gradients = [parameter.grad.clone() for parameter in policy.model.parameters()]
        return output.loss.item(), gradients, output.logits.shape[1]

    whole, part = loss_and_gradient(window=False), loss_and_gradient(window=True)
    assert part[2] < whole[2]
    assert part[0] == pytest.approx(whole[0], abs=1e-6)
    for ours, theirs in zip(part[1], whole[1], strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_training_learns_and_keeps_the_best(tmp_path: Path) -> None:
    config = tiny_config(max_epochs=12, eval_steps=12)
    policy = tiny_policy(config)
    rows: list[tuple[int, dict[str, float]]] = []
    before = completion_loss(policy, encode(policy, VALIDATION), 8)
    result = train_supervised(
        policy, TRAIN, VALIDATION, config, directory=tmp_path, seed=0, on_log=lambda *row: rows.append(row)
    )
    losses = {step: metrics["validation_loss"] for step, metrics in rows if "validation_loss" in metrics}
    assert result.fit.best_validation_loss == min(losses.values()) == losses[result.fit.best_step]
    assert result.fit.best_validation_loss < 0.5 * before
    after = completion_loss_by_hand(policy, encode(policy, VALIDATION))
    assert after == pytest.approx(result.fit.best_validation_loss, abs=1e-5)

    training_rows = [metrics for _, metrics in rows if "loss" in metrics]
    assert {"loss", "learning_rate", "grad_norm", "epoch", "tokens_per_second"} <= set(training_rows[0])
    assert (result.num_train, result.num_validation) == (48, 16)
    one_epoch = sum(len(text.input_ids) for text in encode(policy, TRAIN))
    assert result.fit.num_tokens == one_epoch * 12
    assert result.fit.tokens_per_second is not None and result.fit.tokens_per_second > 0


def test_training_stops_when_the_loss_stops_falling(tmp_path: Path) -> None:
    config = tiny_config(max_epochs=50, eval_steps=6, patience=2, learning_rate=0.2)  # a rate that breaks it
    policy = tiny_policy(config)
    losses: list[float] = []

    def on_log(step: int, metrics: dict[str, float]) -> None:
        losses.extend([metrics["validation_loss"]] if "validation_loss" in metrics else [])

    result = train_supervised(policy, TRAIN, VALIDATION, config, directory=tmp_path, seed=0, on_log=on_log)
    assert result.fit.num_steps < 300
    assert result.fit.num_steps == result.fit.best_step + 2 * 6
    assert min(losses[:-2]) == min(losses)
    policy.model.eval()
    assert completion_loss(policy, encode(policy, VALIDATION), 8) == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize("changes", [{}, {"gradient_accumulation_steps": 2, "lr_schedule": LrSchedule.cosine}])
def test_a_stopped_run_goes_on_as_if_it_had_not(tmp_path: Path, changes: dict[str, object]) -> None:
    config = tiny_config(max_epochs=3, eval_steps=4, **changes)

    def run(directory: Path, stop_at: int | None = None):
        policy = tiny_policy(config)

        def on_log(step: int, metrics: dict[str, float]) -> None:
            if step == stop_at and "validation_loss" in metrics:
                raise KeyboardInterrupt

        try:
            return policy, train_supervised(
                policy, TRAIN, VALIDATION, config, directory=directory, seed=3, on_log=on_log
            )
        except KeyboardInterrupt:
            return None

    policy, whole = run(tmp_path / "whole")
    assert run(tmp_path / "stopped", stop_at=8) is None
    resumed_policy, resumed = run(tmp_path / "stopped")
    assert resumed.fit.num_steps == whole.fit.num_steps
    assert resumed.fit.best_validation_loss == whole.fit.best_validation_loss
    for name, tensor in policy.model.state_dict().items():
        assert torch.equal(resumed_policy.model.state_dict()[name], tensor), name

    again_policy, again = run(tmp_path / "stopped")  # finished, but its result was not saved
    assert again.fit.tokens_per_second is None
    assert again.fit.best_validation_loss == whole.fit.best_validation_loss
    for name, tensor in policy.model.state_dict().items():
        assert torch.equal(again_policy.model.state_dict()[name], tensor), name


LONG = {"max_epochs": 40, "eval_steps": 4, "patience": 100}
KILLED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("sft_test", sys.argv[1])
test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test)
test.train_long(test.Path(sys.argv[2]))
"""


def train_long(directory: Path) -> dict[str, torch.Tensor]:
    config = tiny_config(**LONG)
    policy = tiny_policy(config)
    train_supervised(policy, TRAIN, VALIDATION, config, directory=directory, seed=0)
    return policy.model.state_dict()


def test_a_killed_process_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    whole = train_long(tmp_path / "whole")
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, __file__, str(killed)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not list(killed.glob("checkpoint-*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was over before it was killed"
    resumed = train_long(killed)
    assert all(torch.equal(whole[key], resumed[key]) for key in whole) and whole.keys() == resumed.keys()


def test_a_checkpoint_that_was_cut_short_is_not_used(tmp_path: Path) -> None:
    config = tiny_config(max_epochs=1)
    (tmp_path / "checkpoint-4").mkdir(parents=True)
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text('{"epoch": ')
    result = train_supervised(tiny_policy(config), TRAIN, VALIDATION, config, directory=tmp_path, seed=0)
    assert result.fit.num_steps == 6


def test_other_folders_beside_the_checkpoints_stay(tmp_path: Path) -> None:
    for name in ("checkpoint-4-mine", "checkpoint-best"):
        (tmp_path / name).mkdir()
    assert last_checkpoint(tmp_path) is None
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-4-mine", "checkpoint-best"}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_are_trained_in_fp32(tmp_path: Path, dtype: torch.dtype) -> None:
    """As those are that have the same values in fp32; in bf16 few weights would take a step of this size."""
    config = tiny_config(learning_rate=1e-6, max_epochs=1)
    policies = [tiny_policy(config), tiny_policy(config)]
    for number, policy in enumerate(policies):
        policy.model.to(dtype)
        if number == 0:
            policy.model.float()
        before = {name: tensor.clone().float() for name, tensor in policy.model.state_dict().items()}
        train_supervised(policy, TRAIN, VALIDATION, config, directory=tmp_path / str(number), seed=0)
    states = [policy.model.state_dict() for policy in policies]
    assert all(torch.equal(states[1][name], tensor) for name, tensor in states[0].items())
    changed = sum(int((states[1][name] != tensor).sum()) for name, tensor in before.items())
    assert changed > 0.9 * policies[1].num_parameters


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    config = tiny_config()
    policy = tiny_policy(config)
    monkeypatch.setattr(type(policy.model), "save_pretrained", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        train_supervised(policy, TRAIN, VALIDATION, config, directory=tmp_path, seed=0)


def test_lora_trains_the_adapter_alone_and_resumes(tmp_path: Path) -> None:
    from rlaif.models.policy import add_lora

    config = tiny_config(max_epochs=2, eval_steps=6)

    def run():
        policy = add_lora(tiny_policy(config), LoraConfig(enabled=True, r=2), seed=0)
        return policy, train_supervised(policy, TRAIN, VALIDATION, config, directory=tmp_path, seed=0)

    base = tiny_policy(config).model.state_dict()
    policy, result = run()
    name = "transformer.h.0.attn.c_attn"
    state = policy.model.get_base_model().state_dict()
    assert torch.equal(state[f"{name}.base_layer.weight"], base[f"{name}.weight"])
    assert state[f"{name}.lora_B.default.weight"].abs().max() > 0
    policy.model.eval()
    loss = completion_loss(policy, encode(policy, VALIDATION), 8)
    assert loss == pytest.approx(result.fit.best_validation_loss, abs=1e-5)

    again, _ = run()
    again_state = again.model.get_base_model().state_dict()
    assert all(torch.equal(tensor, again_state[key]) for key, tensor in state.items())


def test_training_sets_must_not_be_empty(policy, tmp_path: Path) -> None:
    config = tiny_config()
    with pytest.raises(UserError, match="validation set is empty"):
        train_supervised(policy, TRAIN, [], config, directory=tmp_path, seed=0)
    with pytest.raises(UserError, match="training set is empty"):
        train_supervised(policy, [], VALIDATION, config, directory=tmp_path, seed=0)


def test_batches_hold_similar_lengths_in_an_order_of_seed_and_epoch() -> None:
    lengths = [int(length) for length in numpy.random.default_rng(0).integers(10, 200, 1003)]
    sampler = LengthGroupedSampler(lengths, batch_size=8, seed=1)
    first, again = list(sampler), list(sampler)
    assert first == again and sorted(first) == list(range(1003))
    batches = [[lengths[index] for index in first[start : start + 8]] for start in range(0, 1003, 8)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert padded < 1.06 * sum(lengths)
    starts = [max(batch) for batch in batches]
    assert starts != sorted(starts, reverse=True)
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_every_schedule_trains(tmp_path: Path) -> None:
    for schedule in LrSchedule:
        config = tiny_config(max_epochs=1, lr_schedule=schedule, warmup_ratio=0.3)
        rates: list[float] = []

        def on_log(step: int, metrics: dict[str, float], rates: list[float] = rates) -> None:
            rates.extend([metrics["learning_rate"]] if "learning_rate" in metrics else [])

        config = replace(config, sft=replace(config.sft, eval_steps=2))
        train_supervised(
            tiny_policy(config), TRAIN, VALIDATION, config, directory=tmp_path / schedule.name, seed=0, on_log=on_log
        )
        assert len(rates) == 3
        assert rates[-1] == pytest.approx(3e-3) if schedule is LrSchedule.constant else rates[-1] < rates[1]

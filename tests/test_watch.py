"""The over-optimisation watch: its figures by hand, its file after a kill, and that training never notices it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from rlaif.compose import check_command_line
from rlaif.config import TrainConfig
from rlaif.data.completion import Completion, render_completion
from rlaif.errors import UserError
from rlaif.execution import Verdict
from rlaif.models.policy import Policy, build_policy, load_policy, save_policy
from rlaif.pipeline import StageContext
from rlaif.records import ApiRow, Evaluation, Example, write_records
from rlaif.report.watch import read_watch
from rlaif.rewards import ModelReward
from rlaif.runs import Run
from rlaif.stages import artifacts, ppo
from rlaif.tracking import Tracker
from rlaif.watch import Watch, summarise

SMALL = [
    "data.max_train=24", "policy.scratch={num_layers: 1, num_heads: 2, width: 16, vocab_size: 300}",
    "policy.max_new_tokens=12", "policy.max_prompt_tokens=16", "trainer.num_rollouts=4",
    "trainer.rollout_batch_size=8", "trainer.num_mini_batches=2", "trainer.learning_rate=0.01",
    "trainer.save_every=2", "trainer.ptx_coef=0.1", "tracking=none", "execution=none", "feedback.execute=false",
    "reward.terms={model: 0.0, judge: 1.0, executability: 0.0}",
]  # fmt: skip


def settings(*overrides: str) -> TrainConfig:
    return check_command_line([*SMALL, *overrides])[0]


def example(number: int, split: Any) -> Example:
    code = f"import json\njson.dumps({number})"
    call = f"json.dumps({number})"
    reference = render_completion(Completion(None, call, None, None, code))
    return Example(f"e{number}", f"Write {number} as JSON.", reference, call, "JSON", "Python", split)


EXAMPLES = [example(number, "validation" if number % 4 == 0 else "train") for number in range(32)]
DATABASE = [ApiRow("json.dumps(obj)", "JSON", "Python")]


def evaluation(api: str | None, verdict: str, right: bool | None) -> Evaluation:
    return Evaluation(
        sample_id="s", example_id="e", ast_gorilla=None, hallucinated_gorilla=None, ast_strict=right,
        hallucinated_strict=None, exact_call=None, rouge_l=None, codebleu=None, codebleu_ngram=None,
        codebleu_weighted_ngram=None, codebleu_syntax=None, codebleu_dataflow=None, api=api, verdict=verdict,
        failure="not_run" if verdict == "inconclusive" else "",
    )  # fmt: skip


def test_a_looks_figures_by_hand() -> None:
    point = summarise(
        3, [evaluation("a", "pass", True), evaluation("a", "fault", True), evaluation("b", "pass", False),
            evaluation(None, "fault", None)], [1.0, 2.0, 4.0, 5.0],
    )  # fmt: skip
    assert (point.step, point.num, point.distinct_apis) == (3, 4, 2)
    assert (point.reward_model, point.executability, point.ast_strict) == (3.0, 0.5, pytest.approx(2 / 3))
    assert point.reward_model_error == pytest.approx(math.sqrt((4 + 1 + 1 + 4) / 3) / 2)
    assert point.api_entropy == pytest.approx(math.log(3) - 2 / 3 * math.log(2))


def test_what_could_not_be_computed_is_none() -> None:
    point = summarise(0, [evaluation(None, "inconclusive", None)] * 2, [])
    assert (point.reward_model, point.executability, point.ast_strict, point.api_entropy) == (None,) * 4
    assert point.distinct_apis == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stages before PPO: the data, and a policy that nobody has trained."""
    directory = tmp_path_factory.mktemp("before")
    write_records(directory / artifacts.EXAMPLES, EXAMPLES)
    write_records(directory / artifacts.DATABASE, DATABASE)
    config = settings()
    policy = build_policy(config.policy, [one.instruction + one.reference for one in EXAMPLES], 0)
    save_policy(policy, directory / artifacts.POLICY)
    return directory


def context(config: TrainConfig, made: Path, directory: Path) -> StageContext:
    directory.mkdir(exist_ok=True)
    before = Run("before", "x", made)
    tracker = Tracker(config.tracking, "test", None, directory)
    return StageContext(config, Run("ppo", "x", directory), {"data": before, "sft": before}, tracker)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = load_policy(directory / artifacts.POLICY).model.state_dict()
    return state


def steps_of(directory: Path) -> list[int]:
    return [point.step for point in read_watch(directory / artifacts.WATCH)]


@pytest.fixture
def with_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reward that is always there: the share of the letter e."""

    class Letters:
        __name__ = "letters"

        def __call__(self, prompts: list[str], completions: list[str], **columns: Any) -> list[float | None]:
            return [text.count("e") / 10 for text in completions]

    monkeypatch.setattr(ppo, "build_rewards", lambda *_: ([Letters()], [1.0]))


@pytest.mark.usefixtures("with_letters")
def test_training_never_notices_the_watch(made: Path, tmp_path: Path) -> None:
    """The same policy to the last bit, and the same figures."""
    watched, alone = tmp_path / "watched", tmp_path / "alone"
    ppo.run(context(settings("trainer.watch.every=1", "trainer.watch.num_prompts=5"), made, watched))
    ppo.run(context(settings("trainer.watch.every=null"), made, alone))
    assert steps_of(watched) == [0, 1, 2, 3, 4]
    assert not (alone / artifacts.WATCH).exists() and not (alone / "watch.png").exists()
    found, before = weights(watched), weights(made)
    for name, tensor in weights(alone).items():
        assert torch.equal(tensor, found[name]), name
    assert any(not torch.equal(before[name], found[name]) for name in found)
    assert (watched / "watch.png").exists()


@pytest.mark.usefixtures("with_letters")
def test_a_killed_run_resumed_leaves_the_same_file(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings("trainer.watch.every=1", "trainer.watch.num_prompts=5")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ppo.run(context(config, made, whole))

    look = Watch.look
    for last in (0, 3):  # once before the first checkpoint, once after that of rollout 2

        def look_and_die(self: Watch, step: int, last: int = last) -> Any:
            point = look(self, step)
            if step == last:
                raise KeyboardInterrupt
            return point

        monkeypatch.setattr(Watch, "look", look_and_die)
        with pytest.raises(KeyboardInterrupt):
            ppo.run(context(config, made, killed))
        monkeypatch.setattr(Watch, "look", look)
    assert steps_of(killed) == [0, 1, 2, 3]
    figures = ppo.run(context(config, made, killed))

    assert (killed / artifacts.WATCH).read_bytes() == (whole / artifacts.WATCH).read_bytes()
    rows = {row["step"]: row for row in Run("ppo", "x", killed).history()}
    assert list(rows) == [0, 1, 2, 3, 4]
    for point in read_watch(killed / artifacts.WATCH):
        assert rows[point.step]["ppo/held_out/distinct_apis"] == point.distinct_apis
    assert figures["ppo/held_out/api_entropy"] == read_watch(whole / artifacts.WATCH)[-1].api_entropy


class Right:
    """Stands for a reward model: longer is better."""

    def score(self, pairs: Sequence[tuple[str, str]], precision: Any) -> list[float]:
        return [len(completion) / 100 for _, completion in pairs]


class PassingExecutor:
    def run(self, snippets: Sequence[str | None]) -> list[Verdict]:
        return [Verdict("pass", "", "", None, 0.0) for _ in snippets]


def test_a_look_at_held_out_prompts(made: Path, tmp_path: Path) -> None:
    """As many as asked for, always the same ones, one completion each; a generator of its own; nothing is moved."""
    config = settings("trainer.watch.num_prompts=5")
    policy: Policy = load_policy(made / artifacts.POLICY)
    policy.model.train()
    held_out = [one for one in EXAMPLES if one.split == "validation"]
    reward = ModelReward(Right(), config.policy.precision)  # type: ignore[arg-type]
    watch = Watch(config, policy, held_out, DATABASE, PassingExecutor().run, reward, tmp_path / "watch.jsonl")
    state = torch.get_rng_state()
    point = watch.look(2)
    assert torch.equal(torch.get_rng_state(), state) and policy.model.training
    assert (point.step, point.num, point.executability) == (2, 5, 1.0)
    texts = [sample.text for sample in watch.sample(2)]
    assert point.reward_model == pytest.approx(sum(map(len, texts)) / 500)
    assert texts == [sample.text for sample in watch.sample(2)] != [sample.text for sample in watch.sample(3)]
    assert len({sample.example_id for sample in watch.sample(2)}) == 5
    (line,) = (tmp_path / "watch.jsonl").read_text().splitlines()
    contract = {"step", "reward_model", "executability", "ast_strict", "distinct_apis", "api_entropy", "num"}
    assert contract <= set(json.loads(line))


@pytest.mark.parametrize("override", ["trainer.watch.every=0", "trainer.watch.num_prompts=0", "trainer.ptx_coef=-1"])
def test_numbers_that_make_no_sense_are_refused(override: str) -> None:
    with pytest.raises(UserError, match=override.split("=")[0]):
        settings(override)


def test_the_last_rollout_is_always_looked_at() -> None:
    config = settings("trainer.watch.every=3")
    watch = Watch.__new__(Watch)
    watch.config = config
    assert [step for step in range(5) if watch.is_due(step)] == [0, 3, 4]

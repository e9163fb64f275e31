"""Every YAML composes and is accepted; every mistake is one line that names the key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rlaif import compose
from rlaif.config import TrainerConfig
from rlaif.errors import UserError
from rlaif.rl.config import PPOConfig
from rlaif.stages.ppo import NAMES

CONF = compose.config_dir()
NEEDED = {  # what an option cannot know
    "data/jsonl": ["data.train_file=train.jsonl", "data.eval_file=eval.jsonl"],
    "feedback/openai": ["feedback.openai.model=m"],
    "feedback/local": ["feedback.local.path=p"],
    "feedback/replay": ["feedback.replay.path=p"],
    **{
        f"questions/{name}": ["feedback=openai", "feedback.openai.model=m"]
        for name in ("pairwise", "pairwise_cot", "direct_score", "claims")
    },
    "execution/torchhub": ["data=apibench_torchhub"],
    "execution/hf2023": ["data=apibench_huggingface"],
    "execution/tf2023": ["data=apibench_tensorflow"],
    "execution/none": ["feedback.execute=false", "reward=scalar"],
    "policy/responses": ["policy.responses_file=answers.jsonl"],
}
OPTIONS = sorted(str(path.relative_to(CONF).with_suffix("")) for path in CONF.rglob("*.yaml") if path.parent != CONF)


def test_every_group_has_options() -> None:
    assert {option.split("/")[0] for option in OPTIONS} == set(compose.GROUPS)


@pytest.mark.parametrize("option", OPTIONS)
def test_every_yaml_composes(option: str) -> None:
    group, name = option.split("/", 1)
    (config,) = compose.check_command_line([f"{group}={name}", *NEEDED.get(option, [])])
    if group != "experiment":  # an experiment chooses options of the other groups; it has no name of its own there
        assert getattr(config, group).name == name


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_says_what_it_is_for(option: str) -> None:
    first = next(line for line in (CONF / f"{option}.yaml").read_text().splitlines() if "@package" not in line)
    assert first.startswith("# ")


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["trainer.kl_coff=1"], ["trainer.kl_coff", "no such key", "kl_coef", "num_rollouts"]),
        (["policy.sft.lr=1"], ["policy.sft.lr", "learning_rate"]),
        (["foo=1"], ["foo", "no such key", "trainer"]),
        (["+foo.bar=1"], ["foo", "no such key"]),
        (["+trainer.bar=1"], ["trainer.bar", "no such key"]),
        (["trainer.kl_coef=abc"], ["trainer.kl_coef", "abc", "float"]),
        (["trainer.num_rollouts=1.5"], ["trainer.num_rollouts", "1.5", "int"]),
        (["policy.kind=xx"], ["policy.kind", "xx", "scratch", "pretrained", "responses"]),
        (["policy=gpt9"], ["policy=gpt9", "no such option", "gpt2", "tiny"]),
        (["experiment=nope"], ["experiment=nope", "smoke"]),
        (["runs_dir=~/runs"], ["runs_dir=$HOME/", "~/runs"]),
        (["policy=gpt2", "policy.path=~/model"], ["policy.path=$HOME/"]),
        (["feedback=openai"], ["feedback.openai.model"]),
        (["data=jsonl"], ["data.train_file"]),
        (["trainer.num_rollouts=0"], ["trainer.num_rollouts", "0", "above 0"]),
        (["trainer.kl_coef=-1"], ["trainer.kl_coef", "below 0"]),
        (["trainer.early_stop_kl=0"], ["trainer.early_stop_kl", "above 0"]),
        (["trainer.kl_coef=0", "trainer.target_kl=6"], ["trainer.target_kl"]),
        (["trainer.num_mini_batches=3"], ["trainer.num_mini_batches", "divide"]),
        (["reward=scalar", "reward.terms.model=0"], ["reward.terms"]),
        (["execution=none"], ["feedback.execute"]),
        (["execution=hf2023", "data=apibench_tensorflow"], ["execution", "hf2023", "apibench_tensorflow"]),
        (["execution=hf2023"], ["execution", "hf2023", "mini"]),
        (["execution=torchhub", "data=apibench_huggingface"], ["execution", "torchhub", "apibench_huggingface"]),
        (["execution.level=offline"], ["execution.level", "tiny", "online"]),
        (["execution=none", "feedback.execute=false"], ["reward.terms.executability"]),
        (["policy.scratch.width=32"], ["policy.scratch.width", "num_heads"]),
        (["questions.strategy=binry"], ["questions.strategy", "binry", "binary", "pairwise_cot"]),
        (["questions.options.vote=2"], ["questions.options.vote", "no such key", "votes"]),
        (["+questions.options.vote=2"], ["questions.options.vote", "no such option", "votes"]),
        (["questions.options.votes=two"], ["questions.options.votes", "two", "int"]),
        (["questions.options.votes=0"], ["questions.options", "votes"]),
        (
            ["questions.prompts.together=x", "questions.options.together=true"],
            ["questions.prompts.together", "{output}"],
        ),
        (["questions.template=x"], ["questions.template", "{question}"]),
        (["questions.template=${prompt:no.txt}"], ["no.txt", "cannot be read"]),
        (["questions=pairwise"], ["questions.strategy", "pairwise", "static"]),
        (["strong_sft.max_epochs=0"], ["strong_sft.max_epochs", "above 0"]),
        (["feedback.min_valid=9"], ["feedback.min_valid", "1..8"]),
        (["seed=0,1", "trainer.kl_coef=0.1,-0.1"], ["trainer.kl_coef", "-0.1"]),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(UserError) as error:
        compose.check_command_line(overrides)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_sweep_is_checked_choice_by_choice() -> None:
    compose.check_command_line(["seed=0,1,2", "trainer.kl_coef=0.02,0.05,0.1"])
    with pytest.raises(UserError, match=r"trainer\.kl_coef: -1"):
        compose.check_command_line(["seed=0,1,2", "trainer.kl_coef=0.02,-1"])


def test_the_trainer_group_and_ppo_have_the_same_settings() -> None:
    """Every key of the group reaches a setting of PPO, under its name there; rollouts as episodes."""
    ours = {NAMES.get(field.name, field.name) for field in dataclasses.fields(TrainerConfig)}
    theirs = {field.name for field in dataclasses.fields(PPOConfig)}
    assert ours - theirs == {"name", "num_rollouts", "lr_schedule", "watch"}
    from_elsewhere = {
        "seed", "output_dir", "run_name", "report_to", "max_completion_length", "max_prompt_length", "bf16",
        "reward_weights", "total_episodes", "lr_scheduler_type", "save_total_limit", "logging_steps", "log_completions",
        "num_completions_to_log", "adam_beta1", "adam_beta2", "adam_epsilon", "compile_decoding",
    }  # fmt: skip
    assert theirs - ours == from_elsewhere


def test_config_dir_is_the_checkouts_own() -> None:
    assert Path(__file__).resolve().parents[1] / "conf" == CONF

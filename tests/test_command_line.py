"""The command lines that Hydra's users type: folders of their own, every kind of override, and text that stays text."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from rlaif import compose
from rlaif.command_line import read_command_line
from rlaif.config import TrainConfig
from rlaif.errors import UserError

CONF = compose.config_dir()


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of configs, `user`, in the directory in which the command is given."""
    directory = tmp_path / "user"
    for group in ("questions/mine", "experiment", "policy"):
        (directory / group).mkdir(parents=True)
    questions = (CONF / "questions" / "binary8.yaml").read_text()
    (directory / "questions" / "mine.yaml").write_text(questions.replace("binary8", "mine"))
    for path in (CONF / "questions" / "binary8").glob("*.txt"):
        (directory / "questions" / "mine" / path.name).write_text(path.read_text() + "Be strict.\n")
    policy = (CONF / "policy" / "gpt2.yaml").read_text()
    (directory / "policy" / "gpt2_mine.yaml").write_text(policy.replace("name: gpt2", "name: gpt2_mine"))
    (directory / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /policy: gpt2_mine\n  - override /questions: mine\nseed: 7\n"
    )
    (directory / "primary.yaml").write_text(
        "defaults:\n  - train\n  - override policy: gpt2_mine\n  - _self_\nseed: 5\n"
    )
    monkeypatch.chdir(tmp_path)
    return directory


def read(line: str) -> list[TrainConfig]:
    return read_command_line(shlex.split(line)).configs


@pytest.mark.parametrize(
    "where",
    [
        "--config-dir=user",
        "--config-dir {user}",
        "-cd user",
        "hydra.searchpath=[file://{user}]",
        "'hydra.searchpath=[\"file://user\"]'",
    ],
)
def test_options_and_prompts_of_the_users_own_folder(user: Path, where: str) -> None:
    (config,) = read(f"{where.format(user=user)} experiment=mine")
    assert (config.policy.name, config.questions.name, config.seed) == ("gpt2_mine", "mine", 7)
    assert config.questions.system.endswith("Be strict.") and config.questions.template.endswith("Be strict.")


def test_a_primary_config_of_the_users_own(user: Path) -> None:
    (config,) = read("--config-dir=user --config-name=primary")
    assert (config.policy.name, config.seed, config.questions.name) == ("gpt2_mine", 5, "binary8")


def test_a_directory_of_primary_configs_is_found_where_the_user_is(user: Path) -> None:
    text = (CONF / "train.yaml").read_text().replace("hydra:\n", f"hydra:\n  searchpath: [file://{CONF}]\n", 1)
    (user / "train.yaml").write_text(text.replace("seed: 0 ", "seed: 9 "))
    command = read_command_line(["--config-path", "user", "policy=gpt2_mine"])
    assert (command.configs[0].seed, command.configs[0].policy.name) == (9, "gpt2_mine")
    assert command.arguments[-1] == str(user)


def test_options_of_a_package_on_the_search_path(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = user.parent / "their_package"
    user.rename(package)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(user.parent))
    (config,) = read("hydra.searchpath=[pkg://their_package] questions=mine")
    assert config.questions.system.endswith("Be strict.")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("-m policy=glob(gpt2*)", ["gpt2", "gpt2_large"]),
        ("-m --config-dir=user policy=glob(gpt2*)", ["gpt2", "gpt2_large", "gpt2_mine"]),
        ("-m hydra.searchpath=[file://user] 'policy=glob(*,exclude=[*2,*large,tiny,r*,q*,c*])'", ["gpt2_mine"]),
        ("-m 'policy=glob([gpt2,t*])'", ["gpt2", "tiny"]),
        ("-m policy=tiny,gpt2", ["tiny", "gpt2"]),
        ("-m policy=choice(tiny,gpt2)", ["tiny", "gpt2"]),
    ],
)  # fmt: skip
def test_a_glob_is_the_options_that_it_matches(user: Path, line: str, names: list[str]) -> None:
    command = read_command_line(shlex.split(line))
    assert [config.policy.name for config in command.configs] == names
    assert "glob" not in " ".join(command.arguments)  # sweepers look along another search path, or know no globs


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("-m seed=range(4)", [0, 1, 2, 3]),
        ("-m seed=range(1,8,3)", [1, 4, 7]),
        ("-m seed=sort(3,1,2)", [1, 2, 3]),
        ("-m seed=sort(3,1,2,reverse=true)", [3, 2, 1]),
        ("-m seed=tag(a,b,choice(5,6))", [5, 6]),
        ("-m seed=int(choice(5.0,6.0))", [5, 6]),
        ("-m seed=int(interval(2,9))", [2, 9]),
        ("hydra.mode=MULTIRUN seed=1,2", [1, 2]),
        ("seed=3 -m stage=data tracking=none", [3]),
        ("++seed=4 ~experiment", [4]),
    ],
)
def test_sweeps_of_every_form(line: str, values: list[int]) -> None:
    assert [config.seed for config in read(line)] == values


def test_a_shuffled_sweep_is_checked_whole() -> None:
    assert sorted(config.seed for config in read("-m seed=shuffle(range(3))")) == [0, 1, 2]


def test_of_a_long_range_both_ends_are_checked() -> None:
    seeds = [config.seed for config in read("-m seed=range(0,100000)")]
    assert (seeds[0], seeds[-1]) == (0, 99999) and len(seeds) <= compose.MOST_VALUES


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("-m trainer.kl_coef=interval(-0.1,0.2)", ["trainer.kl_coef: -0.1"]),
        ("-m trainer.gae_lambda=interval(0.5,1.5)", ["trainer.gae_lambda: 1.5"]),
        ("-m trainer.kl_coef=range(0.1,-0.2,-0.1)", ["trainer.kl_coef: -0.1"]),
        ("-m trainer.num_rollouts=interval(0.5,2.5)", ["trainer.num_rollouts", "int"]),
        ("-m policy=glob(zz*)", ["policy=glob(zz*)", "no option", "tiny"]),
        ("-m polcy=glob(*)", ["polcy", "no group", "policy"]),
        ("seed=0,1", ["seed=0,1", "-m"]),
        ("policy=glob(gpt2*)", ["policy=", "-m"]),
        ("hydra/launcher=nosuch", ["hydra/launcher=nosuch", "joblib"]),
        ("hydra.nope=1", ["hydra.nope", "no such key"]),
        ("--config-dir=nowhere", ["--config-dir=nowhere"]),
        ("--config-path=nowhere", ["--config-path=nowhere"]),
        ("--config-name=nowhere", ["nowhere"]),
        ("--config-dir=user questions=mien", ["questions=mien", "did you mean mine?", "binary8", "mine"]),
        ("trainer=null", ["string or a list"]),
        ("name=${nope.nope}", ["name", "nope.nope"]),
        ("name=${oc.env:NO_SUCH_VARIABLE}", ["name", "NO_SUCH_VARIABLE"]),
        ("name=${hydra:job.num}", ["name", "hydra:job.num"]),
        ("data.name=null", ["data.name", "not Optional"]),
        ("trainer.kl_coef=[0.1", ["[0.1"]),
        ("-m hydra.sweeper.params={seed:1}", ["hydra.sweeper.params"]),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(user: Path, line: str, parts: list[str]) -> None:
    with pytest.raises(UserError) as error:
        read(line if "${" not in line else f"'{line}'")
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


TEXTS = [
    "5e102341",
    "1234567",
    "0123456",
    "1e5",
    "1.10",
    "1_000",
    "true",
    "False",
    "on",
    "no",
    "nan",
    "+5",
    "inf",
    "5e1-b",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_as_it_was_typed(text: str) -> None:
    composer = compose.Composer(multirun=True)
    lines = composer.spelled(
        [f"policy.revision={text},x{text}", f"++data.name={text}", f"tracking.tags=[{text},{{a:b}}]"[:-7] + "]"]
    )
    config, _ = composer.check(lines)
    assert (config.policy.revision, config.data.name, config.tracking.tags) == (text, text, [text])


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("größe", "größe"),
        ("日本", "日本"),
        ("a!b", "a!b"),
        ("it's", "it's"),
        ("'", "'"),
        ("dätä-${seed}.x", "dätä-0.x"),
        ("<b>#1;`x`&^\\,y", "<b>#1;`x`&^,y"),
        ("'größe'", "größe"),
        ("\"it's\"", "it's"),
    ],
)
def test_no_character_gets_lost(typed: str, text: str) -> None:
    lines = compose.Composer().spelled(["data=jsonl", "data.split=seeded", f"data.train_file={typed}"])
    (config,) = compose.Composer(multirun=False).check(lines)
    assert config.data.train_file == text


def test_characters_of_texts_in_lists_dicts_and_sweeps() -> None:
    composer = compose.Composer()
    configs = composer.check(
        composer.spelled(
            ["tracking.tags=[ä,b:c!,'d']", "questions.prompts={together:ü u}", "tracking.group=choice(ö,'1e5',x)"]
        )
    )
    assert [one.tracking.group for one in configs] == ["ö", "1e5", "x"]
    assert (configs[0].tracking.tags, configs[0].questions.prompts["together"]) == (["ä", "b:c!", "d"], "ü u")


@pytest.mark.parametrize("line", ["name=a}b", "name=a]", "name=)", "name=(", "name={", "ö=1", "name=(ö"])
def test_what_is_no_override_is_one_line(line: str) -> None:
    with pytest.raises(UserError) as error:
        read_command_line([line])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", ["choice(5e1,'6e2')", "tag(t,choice(5e1,6e2))"])
def test_hydra_gives_jobs_the_texts_of_a_sweep_as_they_were_typed(value: str) -> None:
    (line,) = compose.Composer().spelled([f"policy.revision={value}"])
    override = OverridesParser.create().parse_override(line)
    jobs = OverridesParser.create().parse_overrides([f"x={text}" for text in override.sweep_string_iterator()])
    assert {job.value() for job in jobs} == {"5e1", "6e2"}


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("5e1,6e2", ["5e1", "6e2"]),
        ("choice(5e1,'6e2',abc)", ["5e1", "6e2", "abc"]),
        ("sort(a,b)", ["a", "b"]),
        ("str(5e1)", ["5e1"]),
        ("'5e1'", ["5e1"]),
        ("range(1,3)", ["1", "2"]),
        ("null", [None]),
        ("a\\,b", ["a,b"]),
    ],
)
def test_text_stays_text_in_sweeps(value: str, texts: list[str | None]) -> None:
    composer = compose.Composer(multirun=True)
    assert [one.policy.revision for one in composer.check(composer.spelled([f"policy.revision={value}"]))] == texts


def test_text_stays_text_in_a_whole_group_and_numbers_stay_numbers() -> None:
    (config,) = compose.check_command_line(
        ["policy={revision:5e1,max_new_tokens:32}", "trainer.kl_coef=1e-1", "seed=12"]
    )
    assert (config.policy.revision, config.policy.max_new_tokens) == ("5e1", 32)
    assert (config.trainer.kl_coef, config.seed) == (0.1, 12)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("'name=${hydra:job.name}'", "train"),
        ("-m 'name=job-${hydra:job.num}'", "job-0"),
        ("'name=${seed}-${trainer.kl_coef}'", "0-0.05"),
        ("'name=${oc.env:NO_SUCH_VARIABLE,nobody}'", "nobody"),
    ],
)
def test_interpolations_are_answered(line: str, name: str) -> None:
    assert read(line)[0].name == name


def test_runs_can_lie_in_the_jobs_own_directory(user: Path) -> None:
    (config,) = read("'runs_dir=${hydra:runtime.output_dir}'")
    assert Path(config.runs_dir).parent == user.parent / "runs" / "jobs"
    (config,) = read("'runs_dir=${hydra:runtime.output_dir}' hydra.run.dir=elsewhere")
    assert config.runs_dir == str(user.parent / "elsewhere")


RECORDS = [{"instruction": f"Task {number}", "code": f"print({number})"} for number in range(20)]


def test_a_sweep_from_the_users_folder_with_changed_directories_and_names_of_jobs(user: Path) -> None:
    """What the check composes is what the jobs compose, in joblib's processes too: prompts, texts and paths."""
    (user.parent / "mine.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    result = subprocess.run(
        [
            *(sys.executable, "-m", "rlaif.train", "-m", "hydra/launcher=joblib", "hydra.job.chdir=true"),
            *("--config-dir=user", "questions=mine", "policy.revision=5e1,6e1"),
            *("data=jsonl", "data.split=seeded", "data.train_file=mine.jsonl"),
            *("stage=data", "tracking=none", "name=job-${hydra:job.num}", "runs_dir=results", "execution=none"),
            *("feedback.execute=false", "reward=scalar"),
        ],
        cwd=user.parent, capture_output=True, text=True, timeout=300,
        env=None,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (run,) = user.parent.glob("results/data/job-*")
    assert (run / "DONE").exists() and run.name.startswith("job-")
    composed = sorted(user.parent.glob("results/jobs/*/*/.hydra/config.yaml"))
    assert ["'5e1'" in path.read_text() for path in composed] == [True, False]


def settings(arguments: list[str]) -> Any:
    return read_command_line(arguments).arguments


def test_what_is_no_override_comes_behind_the_overrides() -> None:
    assert settings(["seed=1", "-m", "stage=data", "--config-dir", str(CONF)]) == [
        "seed=1", "stage=data", "-m", "--config-dir", str(CONF),
    ]  # fmt: skip
    for untouched in (["--help"], ["--info", "config"], ["-sc", "install=bash"], ["--hydra-help"]):
        assert settings(untouched) == untouched


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "key"),
    [
        ("experiment/mine.yaml", "seed: 7", "policy: {revision: 5e102341}", "experiment=mine", "policy.revision"),
        ("experiment/mine.yaml", "seed: 7", "policy: {revision: 5e1}", "experiment=mine", "policy.revision"),
        ("policy/gpt2_mine.yaml", "revision: null", "revision: on", "policy=gpt2_mine", "policy.revision"),
        ("primary.yaml", "seed: 5", "name: 1e3", "--config-name=primary", "name"),
    ],
)
def test_a_file_that_writes_a_number_for_a_text_is_refused(
    user: Path, file: str, old: str, new: str, line: str, key: str
) -> None:
    text = (user / file).read_text()
    assert old in text
    (user / file).write_text(text.replace(old, new))
    with pytest.raises(UserError, match=rf"^{key}: .* in {file.removesuffix('.yaml')}\.yaml .*quotes"):
        read(f"--config-dir=user {line}")
    number, quoted = new.rpartition(": ")[2].strip("}"), text.replace(old, new)
    (user / file).write_text(quoted.replace(f": {number}", f": '{number}'"))
    (config,) = read(f"--config-dir=user {line}")
    assert number in (config.policy.revision, config.name)

"""Several processes of one job: what the main one tells the others, and that a failure of one ends all."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from torch.distributed import HashStore

from rlaif import ranks
from rlaif.errors import UserError
from rlaif.ranks import Ranks, SaidElsewhere

ROOT = Path(__file__).resolve().parents[1]
SMOKE = ("experiment=smoke", "tracking=none")
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone")
ACCELERATE = (
    "-m", "accelerate.commands.launch", "--main_process_port", "0", "--config_file",
    str(ROOT / "experiments" / "ppo" / "accelerate" / "two_cpu_processes.yaml"),
)  # fmt: skip


def two() -> tuple[Ranks, Ranks]:
    store = HashStore()
    return Ranks(0, 2, store), Ranks(1, 2, store)


def test_words_are_heard_in_order_however_late() -> None:
    main, other = two()
    main.tell(["join", "a"])
    main.tell(0.5)
    assert (other.hear(), other.hear()) == (["join", "a"], 0.5)
    threading.Timer(0.3, main.tell, [None]).start()
    assert other.hear() is None


def test_what_the_main_process_makes_is_made_once() -> None:
    main, other = two()
    assert main.from_main(lambda: {"figure": 1.5}) == {"figure": 1.5}
    assert other.from_main(lambda: pytest.fail("made twice")) == {"figure": 1.5}


def test_who_fails_first_says_why() -> None:
    main, other = two()
    assert other.fail() and not main.fail()
    with pytest.raises(SaidElsewhere) as raised:
        other.hear()
    assert raised.value.code == 1


def test_alone_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with ranks.joined() as among, among.together():
        assert among.is_main and among.from_main(lambda: 3) == 3
        among.tell("heard by nobody")
    assert ranks.says_it() and ranks.prepare() == []


def test_mpirun_says_it_by_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TQDM_DISABLE", "TRANSFORMERS_VERBOSITY", "TORCH_CPP_LOG_LEVEL"):
        monkeypatch.setenv(name, "")  # is put back at the end
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert any(argument.startswith("hydra.run.dir=") for argument in ranks.prepare())
    assert ranks.place() == (1, 2)


@pytest.mark.parametrize("variable", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_what_the_stages_do_not_do_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(UserError, match="distributed_type"):
        ranks.require_supported()


def launched(launcher: tuple[str, ...], *arguments: str, seconds: float = 240) -> Any:
    """A command as a user would give it; it ends in time, or the test fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [sys.executable, *launcher, *arguments],
        env=environment, capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False,
    )  # fmt: skip


def table(runs_dir: Path) -> list[dict[str, str]]:
    (found,) = (runs_dir / "table").glob("*/table.csv")
    with found.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_processes_end_with_the_table_of_one(tmp_path: Path) -> None:
    """torchrun as far as the policy, `accelerate launch` from there on."""
    job = ("-m", "rlaif.train", *SMOKE)
    first = launched(TORCHRUN, *job, f"runs_dir={tmp_path / 'two'}", "stage=sft")
    assert first.returncode == 0, first.stderr[-3000:]
    rest = launched(ACCELERATE, *job, f"runs_dir={tmp_path / 'two'}")
    assert rest.returncode == 0, rest.stderr[-3000:]
    titles = re.findall(r"^\[\d+/16\] \w+", rest.stdout, re.MULTILINE)  # libraries may log in brackets of their own
    assert len(titles) == len(set(titles)) == 16 and "sft: reused" in rest.stdout
    assert len(list((tmp_path / "two" / "jobs").iterdir())) <= 2  # Hydra's folder of the main process alone

    alone = launched((), *job, f"runs_dir={tmp_path / 'one'}")
    assert alone.returncode == 0, alone.stderr[-3000:]
    assert table(tmp_path / "two") == table(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("policy=nope",), "policy=nope"),
        (("stage=data", "data=jsonl", "data.train_file=/nowhere.jsonl", "data.split=seeded"), "/nowhere.jsonl"),
    ],
    ids=["before the job", "in the main process"],
)
def test_an_error_is_one_line_and_ends_all(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = launched(TORCHRUN, "-m", "rlaif.train", *SMOKE, f"runs_dir={tmp_path}", *arguments, seconds=120)
    assert done.returncode != 0
    assert [said in line for line in done.stderr.splitlines() if line.startswith("error:")] == [True]
    assert 'rlaif/train.py"' not in done.stderr  # no traceback of ours


@pytest.mark.slow
def test_one_that_fails_ends_those_that_wait_for_it(tmp_path: Path) -> None:
    """Started without a launcher that would end the other: it waits in an exchange that will never come."""
    script = str(Path(__file__).with_name("failing_rank.py"))
    variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    both = [
        subprocess.Popen(
            [sys.executable, script], env={**os.environ, **variables, "RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE, text=True,
        )
        for rank in ("0", "1")
    ]  # fmt: skip
    said = [one.communicate(timeout=120)[1] for one in both]
    assert time.monotonic() - started < 90
    assert [one.returncode for one in both] == [1, 1]
    lines = [[line for line in text.splitlines() if line.startswith("error:")] for text in said]
    assert lines == [[], ["error: the second process has had enough"]]


def free_port() -> str:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])

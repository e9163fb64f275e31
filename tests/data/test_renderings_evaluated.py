"""Every rendering through the command line: recorded answers of one program in other dress, each with its verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.data.renderings import HOLDS, NONE
from tests.data.test_renderings import OUTSIDE_THE_FILE, shared_cases

OWN = {name: text for name, (text, code) in HOLDS.items() if code.endswith("print(json.dumps({'a': 1}))")}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """By text, the verdict that the stage evaluate gives."""
    texts = [case["text"] for case in shared_cases()]
    texts += [*OUTSIDE_THE_FILE.values(), *OWN.values(), *(text for text in NONE if text)]
    texts = list(dict.fromkeys(texts))
    folder = tmp_path_factory.mktemp("renderings")
    record = {"instruction": "Dump it.", "code": "import json\nprint(json.dumps({'a': 1}))", "split": "test"}
    rows = [{**record, "id": number} for number in range(len(texts))] + [{**record, "id": "t", "split": "train"}] * 1
    rows += [{**record, "id": "v", "split": "val"}]
    answers = [{"example_id": number, "text": text} for number, text in enumerate(texts)]
    for name, lines in (("records", rows), ("answers", answers)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    subprocess.run(
        [
            *(sys.executable, "-m", "rlaif.train", "data=jsonl", f"data.dir={folder}", "data.train_file=records.jsonl"),
            *("policy=responses", "data.responses_file=answers.jsonl", "stage=evaluate_responses", "execution=stdlib"),
            *("tracking=none", f"runs_dir={folder / 'runs'}"),
        ],
        check=True,
        capture_output=True,
    )
    (path,) = (folder / "runs").glob("evaluate*/*responses*/evaluations.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return {texts[int(one["example_id"])]: one["verdict"] for one in found}


@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: case["name"])
def test_the_shared_renderings_have_their_verdict(verdicts: Mapping[str, str], case: dict[str, str]) -> None:
    assert verdicts[case["text"]] == case["verdict"]


@pytest.mark.parametrize("text", [*OUTSIDE_THE_FILE.values(), *OWN.values()], ids=[*OUTSIDE_THE_FILE, *OWN])
def test_the_program_passes_in_every_dress(verdicts: Mapping[str, str], text: str) -> None:
    assert verdicts[text] == "pass"


@pytest.mark.parametrize("text", [text for text in NONE if text])
def test_no_code_is_a_fault(verdicts: Mapping[str, str], text: str) -> None:
    assert verdicts[text] == "fault"

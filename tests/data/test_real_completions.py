"""Every reference and recorded answer of APIBench gives the code that it gave, but for those that were mended."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from rlaif.data.apibench import split_record
from rlaif.data.completion import Completion, parse_completion

PINNED = {
    "apibench/huggingface_eval.json": "9f4efc572c8f4256",
    "apibench/tensorflow_eval.json": "0ba9b75c91aa37aa",
    "apibench/torchhub_eval.json": "08853fd1d301cebe",
    "apibench/torchhub_train.json": "c0d628081f7a2a6a",
    "responses/response_huggingface_Gorilla_FT_0_shot.jsonl": "9babee24249e343d",
    "responses/response_huggingface_Gorilla_RT_0_shot.jsonl": "2402bc9777ca5d0e",
    "responses/response_tensorflowhub_Gorilla_FT_0_shot.jsonl": "08ce1f0c67db7124",
    "responses/response_tensorflowhub_Gorilla_RT_0_shot.jsonl": "3b985b11ed07c068",
    "responses/response_torchhub_Gorilla_FT_0_shot.jsonl": "157fffa5373e314b",
    "responses/response_torchhub_Gorilla_RT_0_shot.jsonl": "32f6edbdc0081028",
}
"""The start of SHA-256 over the code that the parser of sections and fences alone read, of rows not listed below."""

MENDED = {
    "apibench/tensorflow_eval.json": {636: "line_ends", 661: "line_ends"},
    "responses/response_huggingface_Gorilla_FT_0_shot.jsonl": {
        1: "heading", 103: "heading", 303: "next_turn", 334: "heading", 760: "joined",
    },
    "responses/response_huggingface_Gorilla_RT_0_shot.jsonl": {230: "fence", 729: "joined"},
    "responses/response_tensorflowhub_Gorilla_FT_0_shot.jsonl": {14: "tag"},
    "responses/response_tensorflowhub_Gorilla_RT_0_shot.jsonl": {
        7: "heading", 227: "joined", 314: "bare", 338: "bare", 397: "unescape_code", 617: "", 633: "bare", 649: "bare",
    },
    "responses/response_torchhub_Gorilla_RT_0_shot.jsonl": {
        8: "next_turn", 136: "foreign_key", 170: "foreign_key",
    },
}  # fmt: skip
"""By file and row, the rule by which code is read now; "" where JavaScript's fence says that there is none."""


def read(path: Path) -> list[Completion]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [parse_completion(split_record(row["code"])[1] if "code" in row else row["text"]) for row in rows]


@pytest.mark.parametrize("name", PINNED)
def test_real_completions_give_the_code_that_they_gave(apibench_dir: Path, name: str) -> None:
    digest = hashlib.sha256()
    for row, completion in enumerate(read(apibench_dir / name)):
        rule = MENDED.get(name, {}).get(row)
        if rule is None:
            digest.update((completion.code or "").encode() + b"\0")
        else:
            assert rule in completion.steps if rule else completion.code is None
    assert digest.hexdigest()[:16] == PINNED[name]


CALL = "torch.hub.load('a/b', 'c')"


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (f"'api_provider_code': 'import torch\\nm = {CALL}'}}\"", f"import torch\nm = {CALL}"),
        (f"'api_provider_provider_code': \\\"import torch\\nm = {CALL}\\\"}}\"", f"import torch\nm = {CALL}"),
        (f"'api_provider_call': 'import torch\\nm = {CALL}'}}\\n\"", f"import torch\nm = {CALL}"),
        (f"'api_provider': 'PyTorch', 'api_call': 'import torch\\nm = {CALL}'}}\"", f"import torch\nm = {CALL}"),
        (f"'python_code': 'import torch\\nm = {CALL}', 'performance': {{'top': 1}}}}\"", f"import torch\nm = {CALL}"),
        (f"'code': \\\"import torch\\nm = {CALL}\\\"\\\"", f"import torch\nm = {CALL}"),
        (f"'code': \\\"import torch\\nm = {CALL}\\\"}}\\\"}}\\\"", f"import torch\nm = {CALL}"),
        ("'api_provider_call': \\\"import torch\\nm = torch.load(\\\"a\\\"\\\"}\"", 'import torch\nm = torch.load("a"'),
        ("'api_provider': 'PyTorch', 'api_provider_provider': 'PyTorch'}\"", None),
    ],
)  # fmt: skip
def test_torch_hubs_dict_with_its_code_elsewhere(tail: str, code: str | None) -> None:
    """As in the recorded answers of the fine-tuned model with a retriever, half of which have no key `code`."""
    completion = parse_completion(f"{{'domain': 'Classification', 'api_call': \\\"m = {CALL}\\\", {tail}")
    assert (completion.domain, completion.api_call, completion.code) == ("Classification", f"m = {CALL}", code)

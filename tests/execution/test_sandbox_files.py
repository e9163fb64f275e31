"""What an environment's hub adds to a snippet's sample files: fitted models, and data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlaif.execution.sandbox_files import DATA_SETS, sandbox_files


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    for path in ("models/classification-2", "data_sets/owner--voices/owner___voices/clean/table.arrow", "secret"):
        (tmp_path / "samples" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "samples" / path).write_bytes(path.encode())
    return tmp_path / "samples"


def test_a_model_for_as_many_columns(samples: Path) -> None:
    code = "model = joblib.load('path/model.joblib')\nmodel.predict([[1, 2]])"
    assert sandbox_files(code, samples) == {"path/model.joblib": b"models/classification-2"}
    assert sandbox_files(code.replace("[[1, 2]]", "[[1, 2, 3]]"), samples) == {}
    assert sandbox_files(code) == {}


TABLE = f"{DATA_SETS}/owner___voices/clean/table.arrow"


@pytest.mark.parametrize(
    "code",
    [
        "load_dataset('owner/voices', 'clean')",
        "datasets.load_dataset(path='owner/voices')",
        "name = 'owner/voices'\nload_dataset(name)",
    ],
)
def test_a_data_set_that_the_code_loads(samples: Path, code: str) -> None:
    assert list(sandbox_files(code, samples)) == [TABLE]
    assert sandbox_files(code) == {}


@pytest.mark.parametrize("name", ["owner/other", "../secret", "..", "", "owner/voices/..", "/", "*", "owner--voices/x"])
def test_any_other_name_gets_nothing(samples: Path, name: str) -> None:
    assert sandbox_files(f"load_dataset({name!r})", samples) == {}


def test_a_file_in_the_place_of_a_data_sets_folder_is_left_out(samples: Path) -> None:
    code = f"open('.cache')\nopen('a.txt')\nopen({TABLE!r})\nload_dataset('owner/voices')"
    files = sandbox_files(code, samples)
    assert set(files) == {TABLE, "a.txt"}
    assert files[TABLE].startswith(b"data_sets")

"""The online mode, against a folder of repositories and a server on the loopback."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants
from transformers import AutoConfig, AutoModel, BertConfig

from rlaif.execution.hubs.huggingface.builder.real_files import (
    FolderSource,
    HubSource,
    build_from_real_files,
    is_small_file,
    make_source,
)

NAME = "owner/model"
LABELS = {0: "bad", 1: "good", 2: "unsure"}


@pytest.fixture
def repositories(tmp_path: Path) -> Path:
    """A folder with one repository: a real-sized config, a vocabulary, and weights that must not be read."""
    folder = tmp_path / "repositories" / NAME
    config = BertConfig(vocab_size=120, id2label=LABELS, architectures=["BertForSequenceClassification"])
    config.save_pretrained(folder)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n", encoding="utf-8")
    (folder / "pytorch_model.bin").write_bytes(b"weights")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}", encoding="utf-8")
    return tmp_path / "repositories"


@pytest.fixture
def endpoint(repositories: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that answers what huggingface_hub asks of a hub."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, with_body: bool) -> None:
            body = self._body()
            self.send_response(200 if body is not None else 404)
            if body is None:
                self.send_header("X-Error-Code", "RepoNotFound")
            body = body or b""
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def _body(self) -> bytes | None:
            path = self.path.partition("?")[0].strip("/")
            folder = repositories / NAME
            if path.startswith(f"api/models/{NAME}"):
                files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
                siblings = [{"rfilename": str(f.relative_to(folder)), "size": f.stat().st_size} for f in files]
                return json.dumps({"id": NAME, "sha": "0" * 40, "siblings": siblings}).encode()
            file = folder / path.removeprefix(f"{NAME}/resolve/main/")
            return file.read_bytes() if path.startswith(NAME) and file.is_file() else None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gives_the_small_files_only(repositories: Path, tmp_path: Path) -> None:
    assert FolderSource(repositories).fetch(NAME, tmp_path / "out")
    assert files_of(tmp_path / "out") == {"config.json", "vocab.txt"}


def test_a_hub_gives_the_same_files(repositories: Path, endpoint: str, tmp_path: Path) -> None:
    source = make_source(endpoint, tmp_path / "downloads")
    assert isinstance(source, HubSource)
    assert source.fetch(NAME, tmp_path / "out")
    assert files_of(tmp_path / "out") == {"config.json", "vocab.txt"}
    content = (tmp_path / "out" / "config.json").read_bytes()
    assert content == (repositories / NAME / "config.json").read_bytes()


def test_a_repository_that_is_not_there_is_said_to_be(repositories: Path, endpoint: str, tmp_path: Path) -> None:
    assert not FolderSource(repositories).fetch("owner/other", tmp_path / "out")
    assert not HubSource(endpoint, tmp_path / "downloads").fetch("owner/other", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_weights_are_shrunk_and_the_contract_is_kept(repositories: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    FolderSource(repositories).fetch(NAME, folder)
    assert build_from_real_files(folder) == "BertForSequenceClassification"
    config = AutoConfig.from_pretrained(folder)
    assert (config.hidden_size, config.num_hidden_layers) == (32, 2)
    assert (config.vocab_size, config.id2label) == (120, LABELS)
    assert AutoModel.from_pretrained(folder).config.max_position_embeddings == 512
    assert (folder / "model.safetensors").stat().st_size < 1 << 20


def test_other_libraries_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}', encoding="utf-8")
    assert build_from_real_files(tmp_path) is None
    assert files_of(tmp_path) == {"config.json"}


def test_pooling_is_told_the_new_width(repositories: Path, tmp_path: Path) -> None:
    origin = repositories / NAME
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense"}
    modules = [{"idx": 0, "name": "0", "path": path, "type": f"sentence_transformers.models.{kind}"}
               for path, kind in kinds.items()]  # fmt: skip
    (origin / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    (origin / "1_Pooling").mkdir()
    (origin / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 768}', encoding="utf-8")
    folder = tmp_path / "out"
    FolderSource(repositories).fetch(NAME, folder)
    build_from_real_files(folder)
    assert json.loads((folder / "1_Pooling" / "config.json").read_text())["word_embedding_dimension"] == 32
    assert [module["path"] for module in json.loads((folder / "modules.json").read_text())] == ["", "1_Pooling"]


@pytest.mark.parametrize("path", ["tokenizer.json", "spiece.model", "1_Pooling/config.json", "vocab.txt", "source.spm"])
def test_small_files(path: str) -> None:
    assert is_small_file(path)


@pytest.mark.parametrize("path", ["model.safetensors", "pytorch_model.bin.index.json", "onnx/model.json", "a/b/c.json"])
def test_large_or_foreign_files(path: str) -> None:
    assert not is_small_file(path)

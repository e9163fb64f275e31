"""Which repositories an API database names."""

from __future__ import annotations

from rlaif.execution.hubs.huggingface.survey import Repository, is_repository_id, survey
from rlaif.records import ApiRow

DOMAIN = "Natural Language Processing Text Classification"


def row(api_call: str, name: str = "", examples: str = "", domain: str = DOMAIN) -> ApiRow:
    return ApiRow(api_call=api_call, domain=domain, provider="Transformers", name=name, examples=examples)


def names(*rows: ApiRow) -> list[str]:
    return [repository.id for repository in survey(rows)]


def test_a_row_gives_the_repository_that_it_is_about() -> None:
    found = survey([row("AutoModelForMaskedLM.from_pretrained('owner/name')", name="owner/name")])
    assert found == [Repository("owner/name", "AutoModelForMaskedLM", DOMAIN, "Transformers")]


def test_a_name_without_an_owner_is_completed_by_the_call() -> None:
    assert names(row("pipeline('ner', model='owner/bert-base-cased-ner')", name="bert-base-cased-ner")) == [
        "owner/bert-base-cased-ner"
    ]


def test_only_the_oldest_repositories_have_no_owner() -> None:
    assert names(row("pipeline('fill-mask', model='bert-base-uncased')")) == ["bert-base-uncased"]
    assert names(row("pipeline('fill-mask', model='some-model')", name="some-model")) == []


def test_example_code_names_companions_with_their_own_class() -> None:
    examples = 'SpeechT5HifiGan.from_pretrained("owner/vocoder")\nAutoTokenizer.from_pretrained("owner/main")'
    found = {repository.id: repository for repository in survey([row("f()", name="owner/main", examples=examples)])}
    assert found["owner/vocoder"].api_class == "SpeechT5HifiGan"
    assert found["owner/main"].api_class == "", "a tokenizer's class says nothing of the model"


def test_a_row_of_its_own_counts_more_than_a_mention() -> None:
    mention = row("f()", name="a/a", examples="pipeline(model='b/b')", domain="Computer Vision Image Classification")
    found = {repository.id: repository for repository in survey([mention, row("f()", name="b/b")])}
    assert found["b/b"].domain == DOMAIN


def test_revisions_and_variants_are_gathered() -> None:
    call = "Pipe.from_pretrained('a/b', revision='v2.0', variant='fp16')"
    (found,) = survey([row(call, name="a/b")])
    assert found.revisions == ("main", "v2.0")
    assert found.variants == ("fp16",)


def test_a_revision_behind_an_id_is_one() -> None:
    (found,) = survey([row("Pipeline.from_pretrained('a/b@2.1')", name="a/b")])
    assert found.revisions == ("2.1", "main")


def test_data_sets_and_paths_are_no_models() -> None:
    examples = "load_dataset('owner/data', 'clean')\nopen('images/cat.jpg')\nf(model='path/to')\nImage.open('a/b.png')"
    assert names(row("f()", name="owner/model", examples=examples)) == ["owner/model"]


def test_timm_models_are_in_its_own_organisation() -> None:
    found = survey([row("timm.create_model('convnext_base.fb_in1k')"), row("timm.create_model('hf_hub:timm/x.y')")])
    assert [(repository.id, repository.api_class) for repository in found] == [
        ("timm/convnext_base.fb_in1k", "timm"),
        ("timm/x.y", "timm"),
    ]


def test_what_an_id_looks_like() -> None:
    assert is_repository_id("facebook/bart-large-cnn")
    assert is_repository_id("t5-small")
    for text in ("./models", "your_username/model", "data/train.csv", "audio.wav", "and/or", "a/b/c", "model name"):
        assert not is_repository_id(text), text

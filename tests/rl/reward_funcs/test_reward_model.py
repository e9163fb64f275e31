"""Reward models: each text as the model would score it alone, and models that cannot score."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers.processors import BertProcessing
from transformers import (
    AutoModelForSequenceClassification,
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)

from rlaif.errors import UserError
from rlaif.rl.dataset import Prompt
from rlaif.rl.reward_funcs.reward_model import ModelReward
from rlaif.rl.reward_funcs.rewards import Rewards
from tests.models.sentencepiece_like import llama_like
from tests.rl.reward_funcs.one_rollout import lengths, score


@pytest.fixture
def reward_tokenizer(make_tokenizer: Any) -> Any:
    tokenizer = make_tokenizer(["<pad>", "<unk>", "prompt", "0", "1", "2", "a", "b", "c", "<u>", "<a>"])
    tokenizer.chat_template = "{% for m in messages %}<{{ m['role'][0] }}> {{ m['content'] }} {% endfor %}"
    return tokenizer


def build_reward_model(num_labels: int = 1) -> Any:
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=11, n_embd=16, n_layer=2, n_head=2, n_positions=12, num_labels=num_labels, initializer_range=0.5,
        resid_pdrop=0.5,
    )  # fmt: skip
    return GPT2ForSequenceClassification(config)


def alone(model: Any, tokenizer: Any, text: str) -> float:
    with torch.no_grad():
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        return float(model.eval()(input_ids=ids).logits[0, 0])


def test_a_model_scores_each_text_as_if_it_were_alone(reward_tokenizer: Any) -> None:
    model = build_reward_model().train()
    completions = [" a", " a b c c b", " c", " b a", " a a a"]
    reward = ModelReward(model, reward_tokenizer, batch_size=2)
    found = reward([f"prompt {row % 3}" for row in range(5)], completions)
    assert model.training, "the model's mode was changed"
    wanted = [alone(model, reward_tokenizer, f"prompt {row % 3}{text}") for row, text in enumerate(completions)]
    assert found == pytest.approx(wanted, abs=1e-5)
    assert len(set(wanted)) == 5


def test_texts_with_an_eos_of_their_own_are_scored_alone(reward_tokenizer: Any) -> None:
    """BART's classifier refuses a batch whose texts have unequal numbers of them."""
    torch.manual_seed(0)
    model = BartForSequenceClassification(
        BartConfig(vocab_size=11, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
                   decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=32,
                   num_labels=1, eos_token_id=6, pad_token_id=0, init_std=0.5)
    ).eval()  # fmt: skip
    completions = [" a", " b a", " a b a", " c b c a"]
    found = ModelReward(model, reward_tokenizer)(["prompt 1"] * 4, completions)
    wanted = [alone(model, reward_tokenizer, f"prompt 1{text}") for text in completions]
    assert found == pytest.approx(wanted, abs=1e-5)
    assert len(set(wanted)) == 4


def test_a_model_without_a_limit_reads_any_length(reward_tokenizer: Any) -> None:
    torch.manual_seed(0)
    model = XLNetForSequenceClassification(
        XLNetConfig(vocab_size=11, d_model=16, n_layer=1, n_head=2, d_inner=16, num_labels=1)
    ).eval()  # fmt: skip
    assert model.config.max_position_embeddings == -1
    assert ModelReward(model, reward_tokenizer)(["prompt 1"], [" a"]) == pytest.approx(
        [alone(model, reward_tokenizer, "prompt 1 a")], abs=1e-5
    )


def test_models_and_functions_are_mixed(reward_tokenizer: Any) -> None:
    model = build_reward_model()
    scores = score(
        [lengths, model], [" a b", " c"], reward_weights=[1.0, 2.0], reward_processing_classes=[None, reward_tokenizer]
    )
    wanted = [alone(model, reward_tokenizer, text) for text in ("prompt 0 a b", "prompt 1 c")]
    assert scores.by_function["GPT2ForSequenceClassification"] == pytest.approx(wanted, abs=1e-5)
    assert scores.totals == pytest.approx([4 + 2 * wanted[0], 2 + 2 * wanted[1]], abs=1e-5)


def test_a_conversation_is_read_through_the_models_own_template(reward_tokenizer: Any) -> None:
    reward = ModelReward(build_reward_model(), reward_tokenizer)
    user, assistant = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
    completion = [{"role": "assistant", "content": " c"}]
    assert reward.text([user], completion).split() == ["<u>", "a", "<a>", "c"]
    assert reward.text([user, assistant], completion).split() == ["<u>", "a", "<a>", "b", "c"]
    assert assistant["content"] == "b"
    wanted = alone(reward.model, reward_tokenizer, "<u> a <a> c")
    assert reward([[user]], [completion]) == pytest.approx([wanted], abs=1e-5)


def test_a_model_is_loaded_from_its_directory_with_its_tokenizer(tmp_path: Path, reward_tokenizer: Any) -> None:
    model, directory = build_reward_model(), tmp_path / "my-reward"
    model.save_pretrained(directory)
    reward_tokenizer.save_pretrained(directory)
    scores = score(str(directory), [" a b", " c"])
    wanted = [alone(model, reward_tokenizer, text) for text in ("prompt 0 a b", "prompt 1 c")]
    assert scores.by_function["my-reward"] == pytest.approx(wanted, abs=1e-5)
    loaded = AutoModelForSequenceClassification.from_pretrained(directory)
    assert score(loaded, [" a b", " c"]).totals == pytest.approx(wanted, abs=1e-5)


def test_a_checkpoint_without_a_head_is_refused(tmp_path: Path, reward_tokenizer: Any) -> None:
    build_reward_model().transformer.save_pretrained(tmp_path)
    reward_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"lacks score.weight, so its rewards would be random"):
        Rewards(str(tmp_path))


def test_models_that_cannot_be_used(tmp_path: Path, reward_tokenizer: Any) -> None:
    with pytest.raises(UserError, match="cannot be loaded"):
        Rewards(str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"tokenizer cannot be loaded .*: give it in reward_processing_classes"):
        Rewards(build_reward_model())
    with pytest.raises(UserError, match=r"GPT2ForSequenceClassification: its logits have shape \[1, 2\]"):
        score(build_reward_model(num_labels=2), reward_processing_classes=reward_tokenizer)
    with pytest.raises(UserError, match="have 14 tokens, and the model reads 12"):
        score(build_reward_model(), [" a" * 12], reward_processing_classes=reward_tokenizer)


def bert_like(make_tokenizer: Any) -> tuple[Any, Any]:
    """A BERT that was trained on [CLS] ... [SEP], and reads its answer at the [CLS]."""
    tokenizer = make_tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "prompt", "0", "1"])
    tokenizer.backend_tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=10, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, num_labels=1,
        initializer_range=0.6, max_position_embeddings=16,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval(), tokenizer


def llama_with_bos(make_tokenizer: Any) -> tuple[Any, Any]:
    """No padding token, neither in the config nor with the tokenizer."""
    tokenizer = llama_like()
    tokenizer.pad_token = None
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_labels=1, initializer_range=0.5, max_position_embeddings=32,
    )  # fmt: skip
    return LlamaForSequenceClassification(config).eval(), tokenizer


@pytest.mark.parametrize("make", [bert_like, llama_with_bos])
def test_a_model_reads_the_special_tokens_that_it_was_trained_with(make: Any, make_tokenizer: Any) -> None:
    """As TRL's RewardTrainer encodes a text, against each text alone."""
    model, tokenizer = make(make_tokenizer)
    prompts, completions = ["a b", "c", "a"], [" c a b c", " a", " b b"]
    wanted = [alone(model, tokenizer, prompt + text) for prompt, text in zip(prompts, completions, strict=True)]
    with torch.no_grad():
        bare = [
            float(model(input_ids=torch.tensor([tokenizer(prompt + text, add_special_tokens=False).input_ids])).logits)
            for prompt, text in zip(prompts, completions, strict=True)
        ]
    assert bare != pytest.approx(wanted, abs=0.01)
    found = ModelReward(model, tokenizer)(prompts, completions)
    assert found == pytest.approx(wanted, abs=1e-5)


def test_a_conversation_has_the_special_tokens_of_its_template_alone(make_tokenizer: Any) -> None:
    model, tokenizer = bert_like(make_tokenizer)
    tokenizer.chat_template = (
        "[CLS] {% for tool in tools or [] %}{{ tool['name'] }} {% endfor %}"
        "{% for m in messages %}{{ m['content'] }} {% if loud is defined %}b {% endif %}{% endfor %}[SEP]"
    )
    prompt = [{"role": "user", "content": [{"type": "text", "text": "a"}]}]
    completion = [{"role": "assistant", "content": "c"}]

    def wanted(text: str) -> Any:
        with torch.no_grad():
            ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids])
            return pytest.approx(float(model(input_ids=ids).logits), abs=1e-5)

    reward = ModelReward(model, tokenizer)
    assert reward([prompt], [completion]) == [wanted("[CLS] a c [SEP]")]
    options = {"tools": [[{"name": "c"}]], "chat_template_kwargs": [{"loud": True, "nothing": None}]}
    assert reward([prompt], [completion], **options) == [wanted("[CLS] c a b c b [SEP]")]
    prompts = [Prompt("", prompt, {name: column[0] for name, column in options.items()})]
    assert score(model, ["c"], prompts, reward_processing_classes=tokenizer).totals == [wanted("[CLS] c a b c b [SEP]")]


def test_a_model_that_cannot_score_is_found_before_anything_is_sampled(
    reward_tokenizer: Any, make_tokenizer: Any, tmp_path: Path
) -> None:
    language_model = GPT2LMHeadModel(GPT2Config(vocab_size=11, n_embd=16, n_layer=1, n_head=2))
    for model, says in (
        (build_reward_model(num_labels=3), r"logits have shape \[1, 3\] for 1 texts"),
        (language_model, r"its logits have shape \[1, \d+, 11\]"),
        (language_model.transformer, "a GPT2Model gives no logits"),
        (torch.nn.Linear(2, 2), "cannot score a text: TypeError"),
    ):
        with pytest.raises(UserError, match=says) as caught:
            Rewards(model, reward_processing_classes=reward_tokenizer)
        assert "\n" not in str(caught.value)
    larger = make_tokenizer([f"w{number}" for number in range(12)])
    with pytest.raises(UserError, match="its tokenizer has ids up to 11, and the model 11 embeddings"):
        Rewards(build_reward_model(), reward_processing_classes=larger)
    build_reward_model(num_labels=2).save_pretrained(tmp_path)
    reward_tokenizer.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="its head has several labels"):
        Rewards(str(tmp_path))


def test_a_prompt_that_fills_all_that_a_model_reads_is_named_by_its_row(reward_tokenizer: Any) -> None:
    with Rewards(build_reward_model(), reward_processing_classes=reward_tokenizer) as rewards:
        rewards.require_room([Prompt("a b c"), Prompt(" ".join("a" * 11))])
        with pytest.raises(UserError, match=r"the prompt of row 1 has 12 tokens for the reward model .* reads 12"):
            rewards.require_room([Prompt("a b c"), Prompt(" ".join("a" * 12))])
        user = {"role": "user", "content": " ".join("a" * 10)}
        with pytest.raises(UserError, match="the prompt of row 0 has 12 tokens"):
            rewards.require_room([Prompt("", [user])])
        reward_tokenizer.chat_template = None
        with pytest.raises(UserError, match="its tokenizer cannot render a conversation"):
            rewards.require_room([Prompt("", [user])])


def test_a_path_is_a_model(tmp_path: Path, reward_tokenizer: Any) -> None:
    model = build_reward_model()
    model.save_pretrained(tmp_path / "mine")
    reward_tokenizer.save_pretrained(tmp_path / "mine")
    scores = score(tmp_path / "mine", [" a b", " c"])
    wanted = [alone(model, reward_tokenizer, text) for text in ("prompt 0 a b", "prompt 1 c")]
    assert scores.by_function["mine"] == pytest.approx(wanted, abs=1e-5)


def test_any_module_with_logits_is_a_model(reward_tokenizer: Any) -> None:
    class CountsA(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(2.0))

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
            counts = ((input_ids == 6) & attention_mask.bool()).sum(1, keepdim=True)
            return SimpleNamespace(logits=self.scale * counts)

    scores = score(CountsA(), [" a b a", " c"], reward_processing_classes=reward_tokenizer)
    assert scores.by_function == {"CountsA": [4.0, 0.0]}

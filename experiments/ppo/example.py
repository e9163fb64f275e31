"""PPO on a reward function, in half a minute on a laptop: a tiny GPT-2 from scratch learns to say "yes".

python -m experiments.ppo.example
"""

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, TrainerCallback

from rlaif.rl import PPOConfig, PPOTrainer

WORDS = ["<eos>", "yes", "no", "maybe", "is", "it", "true", "?"]


def share_of_yes(prompts, completions, **columns):
    return [text.split().count("yes") / 8 for text in completions]


class Print(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **kwargs):
        names = ("score_mean", "kl", "entropy", "explained_variance")
        print(state.global_step, {name: round(logs.get(f"ppo/{name}", 0), 3) for name in names})


if __name__ == "__main__":
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<eos>", pad_token="<eos>")
    shape = GPT2Config(vocab_size=len(WORDS), n_embd=64, n_layer=2, n_head=2, n_positions=32)

    trainer = PPOTrainer(
        model=GPT2LMHeadModel(shape),
        reward_funcs=share_of_yes,
        args=PPOConfig(total_episodes=2560, rollout_batch_size=128, max_completion_length=8, learning_rate=1e-3),
        train_dataset=[{"prompt": "is it true ?"}, {"prompt": "is it ?"}],
        processing_class=tokenizer,
        callbacks=[Print()],
    )
    trainer.train()

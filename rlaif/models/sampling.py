"""Sampling a policy's completions into a file, such that a kill costs one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from rlaif.config import PolicyConfig
from rlaif.data.prompt import format_prompt
from rlaif.models.generation import derive_seed, generate
from rlaif.models.policy import Policy, autocast
from rlaif.records import Example, RecordLog, Sample, read_log, write_records


def sample_to_file(
    policy: Policy,
    name: str,
    examples: Sequence[Example],
    path: Path,
    *,
    num_samples: int,
    temperature: float,
    top_p: float,
    batch_size: int,
    config: PolicyConfig,
    seed: int,
) -> list[Sample]:
    """`num_samples` completions of every example, example by example.

    Batches are appended to `path` as they are done. A sample's random stream is made of `seed`,
    the example's id and the sample's number alone: the size of batches has no influence, and a
    run that died goes on with the batch in which it died and ends with the same file.

    Args:
        name: who gave the samples, `Sample.policy`.
        config: lengths and precision.
    """
    wanted = [(example, number) for example in examples for number in range(num_samples)]
    samples = whole_batches(path, batch_size, len(wanted))
    write_records(path, samples)
    bar = tqdm(total=len(wanted), initial=len(samples), desc=f"sampling {name}", unit="sample")
    with RecordLog(path) as log, bar, autocast(config.precision, policy.model.device):
        for start in range(len(samples), len(wanted), batch_size):
            batch = wanted[start : start + batch_size]
            generations = generate(
                policy.model,
                policy.tokenizer,
                [format_prompt(example.instruction) for example, _ in batch],
                max_new_tokens=config.max_new_tokens,
                temperature=temperature,
                top_p=top_p,
                seed=seed,
                seeds=[derive_seed(seed, example.id, number) for example, number in batch],
                max_prompt_tokens=config.max_prompt_tokens,
                batch_size=batch_size,
            )
            new = [
                Sample(f"{example.id}-{name}-{number}", example.id, made.text, name, seed, made.finish_reason)
                for (example, number), made in zip(batch, generations, strict=True)
            ]
            log.append(*new)
            samples += new
            bar.update(len(new))
    return samples


def whole_batches(path: Path, batch_size: int, num_wanted: int) -> list[Sample]:
    """What an earlier process finished: its samples up to the last complete batch."""
    found = read_log(path, Sample)
    return found if len(found) == num_wanted else found[: len(found) // batch_size * batch_size]

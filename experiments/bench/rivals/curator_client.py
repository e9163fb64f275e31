"""The same requests through curator; run by the interpreter of an environment that has bespokelabs-curator 0.1.31.

    python curator_client.py URL REQUESTS.jsonl DIRECTORY
"""

import json
import os
import sys
from pathlib import Path

BYTES = {bytes([value]): value for value in range(256)}


def main(url: str, requests: str, directory: str) -> None:
    os.environ.update(
        HF_HOME=directory, CURATOR_CACHE_DIR=directory, OPENAI_API_KEY="none", TELEMETRY_ENABLED="0",
        CURATOR_DISABLE_RICH_DISPLAY="1", HF_HUB_OFFLINE="1", CURATOR_VIEWER="0", LITELLM_LOCAL_MODEL_COST_MAP="True",
    )  # fmt: skip
    import tiktoken

    # Its limiter counts tokens by a table that has to be downloaded; offline, bytes stand for tokens.
    table = tiktoken.Encoding("bytes", pat_str=r"\S+|\s+", mergeable_ranks=BYTES, special_tokens={})
    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda name: table
    from bespokelabs import curator

    class Judge(curator.LLM):
        def prompt(self, row: dict) -> list:
            return [{"role": "system", "content": row["system"]}, {"role": "user", "content": row["user"]}]

        def parse(self, row: dict, response: str) -> list:
            return [{"answer": response}]

    rows = [json.loads(line) for line in Path(requests).read_text().splitlines()]
    judge = Judge(
        model_name="gpt-4o-mini",
        backend="openai",
        generation_params={"max_tokens": 8, "temperature": 0.0},
        backend_params={
            "base_url": url,
            "max_concurrent_requests": 64,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
        },
    )
    answered = judge(rows)
    data = getattr(answered, "dataset", answered)
    print(json.dumps({"num_replies": len(data)}))


if __name__ == "__main__":
    main(*sys.argv[1:4])

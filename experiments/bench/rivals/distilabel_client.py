"""The same requests through distilabel; run by the interpreter of an environment that has distilabel[openai] 1.5.3.

    python distilabel_client.py URL REQUESTS.jsonl DIRECTORY
"""

import json
import os
import sys
from pathlib import Path


def main(url: str, requests: str, directory: str) -> None:
    os.environ["HF_HOME"] = directory
    from distilabel.models import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    rows = [json.loads(line) for line in Path(requests).read_text().splitlines()]
    data = [{"system_prompt": row["system"], "instruction": row["user"]} for row in rows]
    with Pipeline(name="bench", cache_dir=directory) as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=64)
        llm = OpenAILLM(
            model="mock", base_url=url, api_key="none", generation_kwargs={"max_new_tokens": 8, "temperature": 0.0}
        )
        load >> TextGeneration(llm=llm, input_batch_size=64, use_system_prompt=True)
    distiset = pipeline.run(use_cache=True)
    answers = distiset["default"]["train"]["generation"]
    print(json.dumps({"num_replies": sum(answer is not None for answer in answers)}))


if __name__ == "__main__":
    main(*sys.argv[1:4])

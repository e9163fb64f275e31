"""The data room: APIBench, the embedded data set or a user's own JSONL become `Example` records."""

#!/usr/bin/env bash
# `transformers serve` answers greedily at any temperature, unless the model's own generation_config says do_sample.
#
# Guess: five requests at temperature 5 to a model with random weights give five texts, or the server says that it does not
# sample. transformers 5.23.0, seen: five times the same text, at temperature 0 as at 5, without a word; `seed` and `top_p`
# change nothing either. With do_sample=True in the model's generation_config.json five texts. So votes of such a judge
# are one vote, and samples of such a policy one sample.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "torch==2.13.0" "transformers[serving]==5.23.0"
cat > "$folder/show.py" <<'PYTHON'
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"


def save(do_sample):
    torch.manual_seed(0)
    words = {f"w{n}": n for n in range(60)} | {"?": 60, "<end>": 61}
    plain = Tokenizer(models.WordLevel(words, unk_token="?"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="?", eos_token="<end>", pad_token="<end>")
    tokenizer.chat_template = TEMPLATE
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=62, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, eos_token_id=61, pad_token_id=61, bos_token_id=None,
    ))
    if do_sample:
        model.generation_config.do_sample = True
    folder = Path(f"model-{do_sample}").resolve()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def texts(folder, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable.replace("python", "transformers"), "serve", str(folder), "--port", str(port)]
    command += ["--host", "127.0.0.1", "--device", "cpu"]
    server = subprocess.Popen(command, stdout=open("log", "w"), stderr=subprocess.STDOUT, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        return [[ask(port, folder, extra, server) for _ in range(5)] for extra in settings]
    finally:
        server.kill()
        server.wait()


def ask(port, folder, extra, server):
    body = {"model": str(folder), "messages": [{"role": "user", "content": "w1 w2 w3"}], "max_tokens": 16, **extra}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    for _ in range(240):
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)["choices"][0]["message"]["content"]
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert server.poll() is None, open("log").read()
            time.sleep(1)
    raise TimeoutError(open("log").read())


SETTINGS = [{"temperature": 0.0}, {"temperature": 5.0}, {"temperature": 5.0, "top_p": 1.0, "seed": 7}]
seen = {}
for do_sample in (False, True):
    seen[do_sample] = [len(set(five)) for five in texts(save(do_sample), SETTINGS)]
    print(f"do_sample={do_sample} in generation_config: different texts of five at {SETTINGS}: {seen[do_sample]}")
sys.exit(0 if seen[False] == [1, 1, 1] and seen[True][1] > 1 else "changed")
PYTHON
cd "$folder"
OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

#!/usr/bin/env bash
# A byte-fallback decoder replaces every byte of a run when the run is not whole UTF-8, the valid characters too.
#
# Guess: decoding bytes that end in the middle of a character (a completion cut at a length limit) gives the characters
# before it and one U+FFFD, as bytes.decode(errors="replace") does. tokenizers 0.23.3, seen: one U+FFFD a byte for the whole
# run, so that a cut in the last character loses all the text since the last ordinary token.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tokenizers==0.23.3"
cat > "$folder/show.py" <<'PYTHON'
import sys

from tokenizers import Tokenizer, decoders, models

vocabulary = {"<unk>": 0, "x": 1, **{f"<0x{byte:02X}>": 2 + byte for byte in range(256)}}
tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
whole = "日本語".encode()
found = {}
for name, data in {"whole": whole, "cut in the last character": whole[:-1]}.items():
    decoded = tokenizer.decode([1, *[2 + byte for byte in data]])
    plain = "x" + data.decode(errors="replace")
    found[name] = decoded, plain
    print(f"{name}: tokenizers {decoded!r}, bytes.decode {plain!r}")
as_seen = found["whole"][0] == "x日本語" and found["cut in the last character"][0] == "x" + "\ufffd" * 8
sys.exit(0 if as_seen else "changed")
PYTHON
cd "$folder"
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 ./venv/bin/python -W ignore show.py

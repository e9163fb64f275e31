#!/usr/bin/env bash
# ROUGE of a text with itself is 0 in most scripts, and of two different words 1 in some: rouge_score keeps a-z and 0-9 only.
#
# Guess: a text's ROUGE-L with itself is 1 whatever it is written in, and lower for another text. rouge_score 0.1.2, seen:
# 0.0 for Russian, Greek, Chinese or Hindi texts with themselves; 1.0 for "déjà" against "döjő", since letters
# with marks are blanks to it; a program with Russian comments and strings is compared without them. No warning. A
# tokenizer of one's own (`RougeScorer(..., tokenizer=...)`) mends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "rouge_score==0.1.2"
cat > "$folder/show.py" <<'PYTHON'
import re
import sys

from rouge_score.rouge_scorer import RougeScorer


class Words:
    def tokenize(self, text):
        return re.findall(r"\w+", text.lower())


PAIRS = {
    "Latin": ("load the model", "load the model", 1.0, 1.0),
    "Russian": ("загрузи модель", "загрузи модель", 0.0, 1.0),
    "Greek": ("φόρτωσε το μοντέλο", "φόρτωσε το μοντέλο", 0.0, 1.0),
    "Chinese": ("加载模型", "加载模型", 0.0, 1.0),
    "two words": ("déjà", "döjő", 1.0, 0.0),
    "two comments": ("x = 1  # один", "x = 1  # другой", 1.0, 2 / 3),
}
as_seen = True
for name, (one, other, plain, mended) in PAIRS.items():
    found = [
        RougeScorer(["rougeL"], tokenizer=tokenizer).score(one, other)["rougeL"].fmeasure for tokenizer in (None, Words())
    ]
    print(f"{name}: {found[0]:.3f}, with a tokenizer for letters of every script {found[1]:.3f}")
    as_seen &= all(abs(a - b) < 1e-9 for a, b in zip(found, (plain, mended), strict=True))
sys.exit(0 if as_seen else "changed")
PYTHON
cd "$folder"
./venv/bin/python -W ignore show.py

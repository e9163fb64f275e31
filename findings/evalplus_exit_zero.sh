#!/usr/bin/env bash
# EvalPlus fails a right solution that ends as scripts do, with `sys.exit(main())` and the status 0.
#
# Guess: a status of 0 says success, so a solution that defines the function that is asked for and ends in `sys.exit(0)` is
# judged by that function. evalplus 0.3.1, seen: "fail", with no test run, since leaving the module counts as its error;
# without its last line the same solution is a "pass". Behind `if __name__ == "__main__":` it is a "pass" too: nothing of
# that kind is run.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "evalplus==0.3.1"
cat > "$folder/show.py" <<'PYTHON'
import sys

from evalplus.eval import untrusted_check

FUNCTION = "import sys\ndef double(x):\n    return 2 * x\ndef main():\n    print(double(2))\n    return 0\n"
SOLUTIONS = {
    "the function alone": FUNCTION,
    "ends in sys.exit(main())": FUNCTION + "sys.exit(main())\n",
    "guarded": FUNCTION + "if __name__ == '__main__':\n    sys.exit(main())\n",
}

if __name__ == "__main__":
    seen = {}
    for name, solution in SOLUTIONS.items():
        status, details = untrusted_check("humaneval", solution, [[1], [2]], "double", [2, 4], 0, [0.1, 0.1], True)
        seen[name] = status, len(details)
        print(f"{name}: {status}, {len(details)} tests run")
    expected = {"the function alone": ("pass", 2), "ends in sys.exit(main())": ("fail", 0), "guarded": ("pass", 2)}
    sys.exit(0 if seen == expected else "changed")
PYTHON
cd "$folder"
./venv/bin/python show.py

"""Run by the environment's interpreter, where rlaif is not installed: `python -I build_cache.py < request`."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # Set before the libraries are imported: they read them once.
    os.environ.update(TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false", OMP_NUM_THREADS="1")
    os.environ["HF_HUB_OFFLINE"] = "0" if "--online" in sys.argv else "1"
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from builder.main import main

    main()

"""The offline Hugging Face hub: a cache of tiny random models, one for every repository of the API database.

Nothing of a library is patched: they look into their cache before they look anywhere else.

    survey.py        the database -> which repositories there are (no library needed)
    hub.py           runs the builder in the environment's interpreter; one folder a content
    build_cache.py   the script that this runs
    builder/         what it does: name -> architecture -> tiny config -> files
"""

from rlaif.execution.hubs.huggingface.hub import build, read_hub, variables

__all__ = ["build", "read_hub", "variables"]

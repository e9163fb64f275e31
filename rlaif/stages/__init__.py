"""One file a stage, each a short story told from top to bottom. Stages never import each other.

A stage is `run(context) -> metrics`. It reads other stages' results through `artifacts`.
"""

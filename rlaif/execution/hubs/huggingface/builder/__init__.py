"""What runs in the environment's own interpreter to fill the cache; it knows nothing of rlaif.

The libraries are those of the environment, with the versions that generated code will meet.
"""

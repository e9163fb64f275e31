"""Completions token by token, with what PPO has to know of each."""

"""Policy, critic and reference as forward passes over whole sequences."""

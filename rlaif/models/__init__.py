"""Models: the policy, its supervised training, the reward model, sampling."""

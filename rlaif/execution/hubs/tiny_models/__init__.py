"""Tiny untrained stand-ins for Torch Hub's models, with the real ones' inputs and outputs.

A copy of this package lies in every repository of the offline hub (`torch_hub`); it needs
torch alone. Every entry point takes `pretrained` and the real one's other options, and
gives a model in evaluation mode. A contract that a docstring states is the real model's.
"""

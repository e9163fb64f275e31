"""What a program's source tells without running it: its names, its calls, and what the standard library has.

The static judge and the execution's static level both stand on it. It knows only `rlaif.records`.
"""

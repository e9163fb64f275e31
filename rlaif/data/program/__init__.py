"""Finding the program that a text of any dress holds; `find.py` tells the rule."""

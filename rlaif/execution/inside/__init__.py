"""What runs inside the sandbox, and all of the project that can be seen from there.

Only the standard library, and only relative imports: the sandbox knows this folder as
the top-level package `inside`.
"""

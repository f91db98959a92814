"""Is every guard tested? Each is taken out of a copy of the package; its tests must then fail.

A guard is a piece of source in `guards/*.toml`: its exact text, what stands there without it, and
the tests that must see the difference. `python -m tests.mutation` runs them all.
"""

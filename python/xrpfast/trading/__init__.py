"""Decisions: strategies, risk, order states, portfolio. Pure: no I/O, clock, randomness, await."""

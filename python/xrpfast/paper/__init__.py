"""Paper trading: the mock venues with the real venues' public books, mirrored live.

Reads public market data and nothing else: no key, no signer, no order of a real venue can be
reached from here (an import contract says so). Runs in a process of its own, beside the engine,
which trades at the paper venues as it would at the real ones.
"""

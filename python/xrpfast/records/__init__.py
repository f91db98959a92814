"""Journal, ledger, tape: what happened, on disk. Nothing here decides."""

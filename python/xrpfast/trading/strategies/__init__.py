"""Strategies: a signal in, an intent or a reason for ignoring it out. None of them sends."""

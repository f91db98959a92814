"""Risk: every order passes these checks or does not leave. Pure; integers only; fails closed."""

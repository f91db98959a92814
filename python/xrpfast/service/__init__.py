"""Wires the parts into a process: life cycle, signals, the driver, state directory."""

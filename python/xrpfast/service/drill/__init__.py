"""The stop, rehearsed: mock venues, an engine with the configuration's limits, and the commands
that a person would say. What counts is what the venues have at the end. It decides nothing, and
trades nowhere else."""

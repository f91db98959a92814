"""Virtual time: engine, two venues, a market and people in one seeded simulation; no sockets.

`loop` is time, `venue` an exchange behind latency and faults, `feed` the market in the native core,
`driver` the executor of commands, `people` those who halt, stop and resume, `recovery` what comes
before a run, `world` a life with kills and restarts, `checks` the invariants after every event,
`agreement` those at the end. `python -m xrpfast.simulation.virtual --seed N` repeats one seed.
"""

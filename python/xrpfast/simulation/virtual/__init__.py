"""Virtual time: engine, two venues and a market in one seeded simulation; no sockets, no sleep.

`loop` is time, `venue` an exchange behind latency and faults, `feed` the market in the native core,
`driver` the executor of commands, `world` a life with kills and restarts, `checks` the invariants
after every event. `python -m xrpfast.simulation.virtual --seed N` repeats one seed.
"""

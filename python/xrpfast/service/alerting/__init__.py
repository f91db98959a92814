"""Alerts, from whoever has something to say to a person's phone.

Every process appends to `alerts.jsonl` (`record`); the watchdog alone sends what stands there to
the configured sinks (`delivery`). Nothing that trades, stops or cancels waits for any of it.
"""

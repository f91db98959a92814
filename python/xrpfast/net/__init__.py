"""Sockets, HTTP, clocks, reconnects. Nothing here knows what trading is."""

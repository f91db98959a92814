"""Measurements: each stage, tick to order in process, tick to order over loopback sockets."""

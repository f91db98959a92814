"""Faults on tap: rules that say which request, frame, connection or venue goes wrong, and how.

`rules.py` has the words, `engine.py` decides, `http.py`, `sockets.py` and `relay.py` do it where
requests, frames and bytes pass; the faces know nothing of it.
"""

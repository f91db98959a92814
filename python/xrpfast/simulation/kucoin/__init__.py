"""The mock KuCoin: REST, push socket and order entry as the venue speaks, over one `Exchange`.

Start at `face.py`. `wire.py` has the words, `errors.py` the refusals; the truth is not kept here.
"""

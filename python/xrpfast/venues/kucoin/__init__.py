"""KuCoin spot (classic HF): level-2 push, WebSocket order entry, private push."""

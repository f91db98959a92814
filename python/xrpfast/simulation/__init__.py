"""Mock venues on real sockets: one matching engine and account model behind faithful faces."""

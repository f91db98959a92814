"""The mock Binance: REST, market streams and WebSocket API over one `Exchange`."""

"""Binance spot: JSON market streams, orders and user data by the WebSocket API."""

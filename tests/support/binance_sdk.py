"""The venue's own SDK, binance-sdk-spot, pointed at a mock by its configuration objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.rest_api import SpotRestAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api import SpotWebSocketAPI
from binance_sdk_spot.websocket_streams import SpotWebSocketStreams

from support.proof import Client

PACKAGE = "binance-sdk-spot"
REST = Client("Binance", PACKAGE, "REST", "`ConfigurationRestAPI(base_path=...)`")
STREAMS = Client(
    "Binance", PACKAGE, "WebSocket streams", "`ConfigurationWebSocketStreams(stream_url=...)`"
)
WS_API = Client("Binance", PACKAGE, "WebSocket API", "`ConfigurationWebSocketAPI(stream_url=...)`")


def rest_api(line: Mapping[str, Any], **options: Any) -> SpotRestAPI:
    keys = {"api_key": line["api_key"], "api_secret": line["api_secret"]} | options
    return Spot(config_rest_api=ConfigurationRestAPI(base_path=line["rest_url"], **keys)).rest_api


def streams(line: Mapping[str, Any]) -> SpotWebSocketStreams:
    return Spot(
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=line["stream_url"])
    ).websocket_streams


def websocket_api(line: Mapping[str, Any], **options: Any) -> SpotWebSocketAPI:
    keys = {"api_key": line["api_key"], "api_secret": line["api_secret"]} | options
    return Spot(
        config_ws_api=ConfigurationWebSocketAPI(stream_url=line["ws_api_url"], **keys)
    ).websocket_api

"""What the account routes answer: balances, movements, fees, keys, tokens of the push socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from xrpfast.model import format_money
from xrpfast.simulation.account import Account, Balance

from . import errors
from .auth import Token
from .reading import HistoryFilter, empty_page, one_of
from .records import Movement, newest_first
from .wire import Json, account_id, ms, order_id_text

if TYPE_CHECKING:
    from .rest import Call

KINDS: Final = frozenset({"main", "trade", "trade_hf", "option"})
TRADING: Final = frozenset({"trade", "trade_hf"})
BUSINESS: Final = {"settle": "TRADE_EXCHANGE", "transfer": "TRANSFER"}

# --- tokens -----------------------------------------------------------------------------------


def bullet_public(call: Call) -> Json:
    return _bullet(call, call.venue.hub.tokens.issue(None, call.venue.now_ms()))


def bullet_private(call: Call) -> Json:
    return _bullet(call, call.venue.hub.tokens.issue(call.account, call.venue.now_ms()))


def _bullet(call: Call, token: Token[Account]) -> Json:
    settings = call.venue.hub.settings
    servers = [
        {
            "endpoint": url,
            "encrypt": url.startswith("wss"),
            "protocol": "websocket",
            "pingInterval": settings.ping_interval_ms,
            "pingTimeout": settings.ping_timeout_ms,
        }
        for url in (call.venue.push_url, *call.venue.more_push_urls)
    ]
    return {"token": token.text, "instanceServers": servers}


# --- balances ---------------------------------------------------------------------------------


def accounts(call: Call) -> list[Json]:
    """Rows of the trading and the (empty) main account; old clients say trade_hf."""
    currency, kind = call.query.get("currency"), one_of(call.query, "type", KINDS)
    kinds = [kind] if kind else ["trade", "main"]
    return [
        {
            "id": account_id(call.account, asset, _stored(name)),
            "currency": asset,
            "type": name,
            **_amounts(balance if name in TRADING else Balance()),
        }
        for name in kinds
        if name != "option"
        for asset, balance in sorted(call.account.balances.items())
        if not currency or asset == currency
    ]


def account(call: Call) -> Json:
    wanted = call.path["id"]
    for asset, balance in call.account.balances.items():
        if wanted == account_id(call.account, asset):
            return {"currency": asset, **_amounts(balance)}
        if wanted == account_id(call.account, asset, "main"):
            return {"currency": asset, **_amounts(Balance())}
    raise errors.PARAMETER.refuse("account not exists.")


def _stored(kind: str) -> str:
    return "trade" if kind in TRADING else kind


def _amounts(balance: Balance) -> dict[str, str]:
    return {
        "balance": format_money(balance.total),
        "available": format_money(balance.free),
        "holds": format_money(balance.locked),
    }


def ledgers(call: Call) -> list[Json]:
    """What changed the customer's money, newest first; holds do not."""
    wanted = HistoryFilter(call.query, default_limit=100, most=200)
    currencies = {text for text in (call.query.get("currency") or "").split(",") if text}
    direction = one_of(call.query, "direction", frozenset({"in", "out"}))
    business = call.query.get("bizType") or ""
    rows: list[Json] = []
    for cursor, movement in newest_first(
        call.venue.private.records(call.account).movements, wanted.last
    ):
        if not wanted.in_time(movement.wall_ns):
            continue
        row = _ledger_row(call, cursor, movement)
        if (
            (currencies and row["currency"] not in currencies)
            or (direction and row["direction"] != direction)
            or (business and row["bizType"] != business)
        ):
            continue
        rows.append(row)
        if len(rows) == wanted.limit:
            break
    return rows


def _ledger_row(call: Call, cursor: int, movement: Movement) -> Json:
    change = movement.change
    moved = change.free_change + change.locked_change
    context: Json = {}
    if change.order_id:
        context = {"symbol": call.venue.wire.symbol, "orderId": order_id_text(change.order_id)}
        if change.trade_id is not None:
            context["tradeId"] = str(change.trade_id)
    return {
        "id": str(cursor),
        "currency": change.asset,
        "amount": format_money(abs(moved)),  # with the fee in it
        "fee": format_money(movement.fee),
        "tax": "0",
        "balance": format_money(change.free + change.locked),
        "accountType": "TRADE_HF",
        "bizType": BUSINESS.get(change.reason, "OTHER"),
        "direction": "in" if moved > 0 else "out",
        "createdAt": str(ms(movement.wall_ns)),
        "context": orjson.dumps(context).decode(),
    }


def main_ledgers(call: Call) -> Json:
    """The main account never moves."""
    return empty_page(call.query)


def hf_opened(call: Call) -> bool:
    return True


def transfer(call: Call) -> Json:
    """The venue holds no other account that money could come from or go to."""
    raise errors.BALANCE.refuse()


# --- fees and the customer --------------------------------------------------------------------


def trade_fees(call: Call) -> list[Json]:
    asked = [text for text in call.query.get("symbols", "").split(",") if text]
    if not asked:
        raise errors.PARAMETER.refuse("symbols is required.")
    if len(asked) > 10:
        raise errors.PARAMETER.refuse("symbols should not be more than 10.")
    wire = call.venue.wire
    if any(text != wire.symbol for text in asked):
        raise errors.SYMBOL_UNKNOWN.refuse()
    return [{"symbol": wire.symbol, **_rates(call)}]


def base_fee(call: Call) -> Json:
    one_of(call.query, "currencyType", frozenset({"0", "1"}))
    return _rates(call)


def _rates(call: Call) -> Json:
    wire = call.venue.wire
    return {"takerFeeRate": wire.rate(maker=False), "makerFeeRate": wire.rate(maker=True)}


def user_info(call: Call) -> Json:
    return {
        "level": call.venue.vip,
        "subQuantity": 0,
        "spotSubQuantity": 0,
        "marginSubQuantity": 0,
        "futuresSubQuantity": 0,
        "optionSubQuantity": 0,
        "maxSubQuantity": 5,
        "maxDefaultSubQuantity": 5,
        "maxSpotSubQuantity": 0,
        "maxMarginSubQuantity": 0,
        "maxFuturesSubQuantity": 0,
        "maxOptionSubQuantity": 0,
    }


def api_key(call: Call) -> Json:
    key = call.key
    assert key is not None
    return {
        "remark": key.remark,
        "apiKey": key.key,
        "apiVersion": key.version,
        "permission": ",".join(key.permissions),
        "ipWhitelist": key.ip_whitelist,
        "createdAt": key.created_ms,
        "uid": key.account.uid,
        "isMaster": True,
    }

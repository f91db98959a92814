"""There is one way to an order, read from the source: gate, risk engine, driver, gateway."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import xrpfast

PACKAGE = Path(xrpfast.__file__).parent
CREATES = (
    "order.place", "order.cancelReplace", "order.test", "sor.order.place", "orderList.place",
    "spot.order", "spot.sync_order", "spot.batch_order", "margin.order", "futures.order",
    "/api/v1/hf/orders", "/api/v3/order/cancelReplace", "/api/v1/orders",
)  # fmt: skip
"""What the venues call the making of an order."""


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package; the mock venues take orders, they send none."""
    return {
        name: ast.parse(path.read_text())
        for path in sorted(PACKAGE.rglob("*.py"))
        if not (name := path.relative_to(PACKAGE).as_posix()).startswith("simulation/")
        or name.startswith("simulation/virtual/")
    }


def uses(attribute: str) -> set[str]:
    return {
        name
        for name, tree in trees().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == attribute)
        or (isinstance(node, ast.Constant) and node.value == attribute)
    }


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name and number of arguments of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            if isinstance(function, ast.Name):
                name = function.id
            yield name, len(node.args) + len(node.keywords)


def callers(name: str, least: int) -> set[str]:
    return {
        module
        for module, tree in trees().items()
        if any(called == name and count >= least for called, count in calls(tree))
    }


def test_only_the_risk_engine_holds_the_gate() -> None:
    """The simulation in virtual time wraps it, to compare what was approved with what leaves."""
    assert uses("approve") == {"trading/risk/engine.py", "simulation/virtual/driver.py"}
    assert uses("_gate") == {"trading/risk/engine.py", "simulation/virtual/checks.py"}


def test_gates_are_made_where_nothing_else_is_decided() -> None:
    """Those of research end in engines whose commands nobody carries out."""
    assert callers("RiskGate", 0) == {
        "service/setup.py",
        "research/explain.py",
        "research/rerun.py",
        "simulation/virtual/driver.py",
    }


def test_only_the_driver_hands_orders_to_a_gateway() -> None:
    # gateway.encode(approved, now, wall) and encoder.encode(approved, id, now, wall).
    assert callers("encode", 3) == {
        "service/driver.py",
        "venues/gateway.py",
        "simulation/virtual/driver.py",
    }
    # gateway.send(id, frame, client id); a transport takes two, sockets one.
    assert callers("send", 3) == {"service/driver.py"}
    for name in ("BinanceEncoder", "KucoinEncoder"):
        venue = name.removesuffix("Encoder").lower()
        assert callers(name, 0) == {f"venues/{venue}/venue.py", "simulation/virtual/driver.py"}


def test_nothing_else_names_what_makes_an_order() -> None:
    """The virtual venues read what the native encoders wrote; the drill names what its mock venues
    are to count."""
    for module, tree in trees().items():
        if module in ("simulation/virtual/wire.py", "service/drill/venues.py"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in CREATES, (module, node.lineno)


def test_rest_writes_nothing_but_tokens_and_a_dead_mans_switch() -> None:
    """A venue's REST calls that are no questions; `DELETE` cancels."""
    found = set()
    for module, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                words = [a.value for a in node.args if isinstance(a, ast.Constant)]
                if words and words[0] in ("POST", "PUT", "PATCH"):
                    found.add((module, *words))
    assert found == {
        ("venues/kucoin/public.py", "POST", "/api/v1/bullet-public"),
        ("venues/kucoin/rest.py", "POST", "/api/v1/bullet-private"),
        ("venues/kucoin/rest.py", "POST", "/api/v1/hf/orders/dead-cancel-all"),
    }

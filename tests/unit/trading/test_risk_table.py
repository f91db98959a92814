"""The table of controls is what the code does: codes, keys, tests, and the page printed from it."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from pathlib import Path

import pytest
from tests.mutation.guard import every

from support.trading import config as engine_config
from xrpfast.config.risk import RiskSection
from xrpfast.config.root import Config
from xrpfast.research.controls import reference
from xrpfast.service import setup
from xrpfast.trading.risk.controls import CONTROLS, GROUPS, Control
from xrpfast.trading.risk.limits import RiskLimits
from xrpfast.trading.risk.reasons import Refusal

TESTS = Path(__file__).parents[2]
PACKAGE = TESTS.parent / "python" / "xrpfast"
IDS = [f"{control.number} {control.name}" for control in CONTROLS]


def test_every_control_of_the_list_has_its_row() -> None:
    assert [control.number for control in CONTROLS] == list(range(1, 37))
    assert [control for rows in GROUPS.values() for control in rows] == list(CONTROLS)


def test_every_code_has_one_row() -> None:
    codes = [code for control in CONTROLS for code in control.codes]
    assert len(codes) == len(set(codes))
    assert set(codes) == set(Refusal)


def test_every_key_is_read_by_a_control() -> None:
    keys = {key for control in CONTROLS for key in control.keys if "." not in key}
    assert keys == set(RiskSection.model_fields)


def test_keys_of_other_tables_exist() -> None:
    for control in CONTROLS:
        for key in control.keys:
            model = Config
            *tables, name = key.split(".") if "." in key else ("risk", key)
            for table in tables:
                annotation = model.model_fields[table].annotation
                assert annotation is not None
                model = annotation
            assert name in model.model_fields, key


def test_every_limit_of_the_engine_comes_from_the_file() -> None:
    """A limit that is not passed on would keep the default of old journals: off."""
    tree = ast.parse(inspect.getsource(setup.limits))
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "RiskLimits"
    ]
    assert {keyword.arg for keyword in call.keywords} == set(RiskLimits.__struct_fields__)
    read = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "section"
    }
    assert read == set(RiskSection.model_fields) - {"approval_ttl_ms"}  # the gate's own


def test_the_defaults_of_a_file_leave_no_control_off() -> None:
    limits = setup.limits(RiskSection(), 2_000, ["arb"])
    off = engine_config().risk  # made without them
    for name in RiskLimits.__struct_fields__:
        default = inspect.signature(RiskLimits).parameters[name].default
        if default is inspect.Parameter.empty or name in ("ack_timeout_ns", "signal_ttl_ns"):
            continue
        unchanged = getattr(limits, name) == default
        assert not unchanged or name in SAME, f"{name} is {default} either way"
    assert off.mark_ns == 0


SAME = {
    "allowed_sides", "allowed_order_types", "allowed_tifs", "max_clock_age_ns", "hedge_min",
    "hedge_time_ns", "hedge_retry_ns", "hedge_loss", "drift_window_ns", "max_mark_age_ns",
    "breach_window_ns", "loss_window_ns", "error_window_ns",
}  # fmt: skip
"""Limits whose first default was one that holds."""


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_every_module_and_test_that_is_named_exists(control: Control) -> None:
    assert control.tests
    for module in control.where:
        assert (PACKAGE / module).is_file(), module
    for test in control.tests:
        file, _, name = test.partition("::")
        assert (TESTS / file).is_file(), test
        assert name in _names(file), test


@pytest.mark.parametrize("control", CONTROLS, ids=IDS)
def test_the_first_test_fails_when_the_control_is_dropped(control: Control) -> None:
    """As docs/risk.md says: a guard names it, and `make mutation` drops that."""
    assert control.tests[0] in {test.partition("[")[0] for g in every() for test in g.tests}


@cache
def _names(file: str) -> set[str]:
    found = set()
    for node in ast.parse((TESTS / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):  # a state machine's TestCase
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_every_control_before_an_order_says_its_number_where_it_is() -> None:
    """A check that nobody can find in the table is one that nobody looks after."""
    source = "".join(
        (PACKAGE / "trading" / "risk" / name).read_text() for name in ("checks.py", "hedges.py")
    )
    told = {int(part) for text in source.split("(")[1:] for part in text.split(")")[0].split(", ")
            if part.isdigit()}  # fmt: skip
    assert told >= set(range(7, 24)) | {3, 5, 24, 26, 29}


def test_the_page_is_what_the_table_says() -> None:
    page = TESTS.parent / "docs" / "risk.md"
    assert page.read_text() == reference(), "run: make docs"

"""The tables of faults in `docs/reliability.md`: every row is there, what it names exists."""

from __future__ import annotations

import re

import pytest

from support.reliability import PAGE, ROOT
from xrpfast.simulation.faults.scenario import find, load

OF_ORDERS = (12, 13, 14, 18, 19, 20, 22, 23, 24, 30, 31, 32, 33, 35, 39, 40)
"""Of the project's list of faults: those of orders."""
OF_RISK = (34, 37)
"""Those that the engine's own limits answer."""
OF_THE_ENGINE_ALONE = {"F23", "F24", "F37"}
TABLE = {
    cells[0].split()[0]: cells
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| F\d\d ", line)
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def test_every_row_of_orders_and_of_risk_is_there() -> None:
    assert list(TABLE) == [f"F{number}" for number in (*OF_ORDERS, *OF_RISK)]


@pytest.mark.parametrize("row", TABLE)
def test_the_scenario_shows_the_row(row: str) -> None:
    if row in OF_THE_ENGINE_ALONE:
        assert "own machine" in TABLE[row][1]
        return
    (name,) = re.findall(r"`(\w+)`", TABLE[row][1])
    assert row in load(find(name)).faults


@pytest.mark.parametrize("row", TABLE)
def test_its_tests_exist(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE[row][2])
    assert named
    for file, test in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"{file}::{test}"
        assert (row == "F20") == file.startswith("tests/simulation/"), (
            "the engine's, not the mock's"
        )

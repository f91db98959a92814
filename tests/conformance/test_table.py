"""docs/mock-clients.md says what a run of all conformance tests asserted, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.proof import Proof

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "mock-clients.md"


def test_the_page_is_what_the_run_recorded(request: pytest.FixtureRequest, proof: Proof) -> None:
    if not _all_ran(request.session):
        pytest.skip("only a run of all conformance tests, all of them passing, makes the page")
    if os.environ.get("XRPFAST_WRITE_DOCS") == "1":
        PAGE.write_text(proof.table())
    assert PAGE.read_text() == proof.table(), "make docs prints the page anew"


def _all_ran(session: pytest.Session) -> bool:
    here = [item for item in session.items if item.path.parent == HERE]
    ran = {(item.path, getattr(item, "originalname", item.name)) for item in here}
    modules = {item.path: item.getparent(pytest.Module) for item in here}
    defined = {
        (path, name)
        for path, module in modules.items()
        if module is not None
        for name in vars(module.obj)
        if name.startswith("test_")
    }
    whole = set(HERE.glob("test_*.py")) == set(modules) and ran == defined
    one_case = any("[" in argument for argument in session.config.args)
    return whole and not one_case and not session.testsfailed

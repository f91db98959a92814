"""`import xrpfast`: the library part alone, quick and with an explicit surface."""

from __future__ import annotations

import json
import subprocess
import sys

import xrpfast

PROBE = """
import json, sys, time
start = time.perf_counter()
import xrpfast
xrpfast.OrderBook(4, 1)
took = time.perf_counter() - start
print(json.dumps({"seconds": took, "modules": sorted(sys.modules)}))
"""


def probe() -> dict[str, object]:
    output = subprocess.run(
        [sys.executable, "-c", PROBE], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    result: dict[str, object] = json.loads(output)
    return result


def test_every_public_name_is_documented() -> None:
    for name in set(xrpfast.__all__) - {"__version__"}:
        assert getattr(xrpfast, name).__doc__, name


def test_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from xrpfast import *", names)
    assert set(names) - {"__builtins__"} == set(xrpfast.__all__)


def test_importing_is_quick() -> None:
    # The best of a few: the bound is on the code, not on a busy machine.
    assert min(float(str(probe()["seconds"])) for _ in range(3)) < 0.2


def test_importing_loads_no_engine() -> None:
    modules = probe()["modules"]
    assert isinstance(modules, list)
    roots = {str(module).partition(".")[0] for module in modules}
    assert not roots & {"uvloop", "picows", "aiohttp", "msgspec", "pydantic", "typer", "boto3"}
    assert "numpy" not in roots

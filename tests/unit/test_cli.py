"""The command line: exit codes, one-line errors, nothing in --help that does not exist."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import pytest

from xrpfast.cli import app
from xrpfast.errors import FailedError, HaltedError, UsageError


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = app.run(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_help_lists_every_command_and_each_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = outcome(capsys, "--help")
    assert code == 0
    for name in app.COMMANDS:
        assert f"  {name} " in out
        code, text, err = outcome(capsys, name, "--help")
        assert (code, err) == (0, "")
        assert f"xrpfast {name}" in text


def test_no_words_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(capsys)
    assert (code, err) == (0, "")
    assert "Usage" in out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["deom"], "Did you mean 'demo'?"),
        (["demo", "--seconds", "soon"], "--seconds"),
        (["demo", "--seconds", "-1"], "--seconds"),
        (["demo", "--nonsense"], "--nonsense"),
        (["config"], "--help"),
        (["config", "show"], "--config"),
        (["config", "show", "--config", "/nowhere/x.toml"], "no such file"),
    ],
)
def test_bad_usage_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    code, out, err = outcome(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert part in err


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("a\nb"), 2), (FailedError("a\nb"), 1), (HaltedError("a\nb"), 3)],
)
def test_errors_for_people_become_one_line_and_their_code(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(import_module("xrpfast.cli.config"), "shipped", fail)
    assert outcome(capsys, "config", "init") == (code, "", "a b\n")


def test_ctrl_c_is_a_clean_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("xrpfast.cli.config"), "shipped", interrupted)
    assert outcome(capsys, "config", "init") == (0, "", "")


def test_ctrl_c_while_the_words_are_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.core.TyperGroup.make_context", interrupted)
    assert outcome(capsys, "config", "init") == (0, "", "")


def test_ctrl_c_while_modules_load() -> None:
    script = (
        "import signal, sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'xrpfast.cli.app': exec('signal.raise_signal(signal.SIGINT)')\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from xrpfast.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_config_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, text, _ = outcome(capsys, "config", "init")
    assert code == 0
    file = tmp_path / "x.toml"
    file.write_text(text)
    code, out, _ = outcome(capsys, "config", "show", "--config", str(file))
    assert code == 0
    assert json.loads(out)["engine"]["deployment"] == "demo"
    code, out, _ = outcome(capsys, "config", "schema")
    assert code == 0
    assert {"mode", "risk", "venues"} <= json.loads(out)["properties"].keys()


def test_missing_engine_extra_is_one_line() -> None:
    script = (
        "import sys; sys.modules['typer'] = None; sys.argv = ['xrpfast', '--help']\n"
        "from xrpfast.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "pip install 'xrpfast[engine]'" in done.stderr


def test_the_library_loads_without_the_engine_extra() -> None:
    script = (
        "import sys, xrpfast\n"
        "heavy = {'uvloop', 'picows', 'aiohttp', 'boto3', 'typer', 'pydantic', 'rich', 'orjson',"
        " 'msgspec', 'structlog'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_reader_that_leaves_early_brings_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "xrpfast", "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) in {0, 1}
    assert b"Traceback" not in said
    assert b"BrokenPipe" not in said


def test_interrupt_signal_while_waiting(tmp_path: Path) -> None:
    fifo = tmp_path / "never.toml"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "xrpfast", "config", "show", "--config", str(fifo)],
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    # Opening the writing end waits until the command opens its own: it is in `load` then.
    with fifo.open("w"):
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()

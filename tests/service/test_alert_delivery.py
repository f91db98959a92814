"""Alerts on their way to a person: real sockets, a real program, sinks in every bad state."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from aiohttp import web

from support.tls_gateway import certificate
from support.webhook import SECRET, leaks, url_file, webhook
from xrpfast.config.demo import shipped
from xrpfast.config.loader import build, parse
from xrpfast.config.root import Config
from xrpfast.errors import UsageError
from xrpfast.service.alerting import delivery as module
from xrpfast.service.alerting import sinks as sinks_module
from xrpfast.service.alerting.delivery import Delivery
from xrpfast.service.alerting.record import NAME, Line, Lines, append, encode, tell_once
from xrpfast.service.alerting.sinks import Command, SinkError, try_sinks, url_in
from xrpfast.service.alerting.sinks import Webhook as WebhookSink
from xrpfast.service.alerting.state import OLD_NS, SinkState, configured, load, undelivered
from xrpfast.service.alerting.text import MOST, messages, plain

WAIT_S = 20.0
TAKES = (
    sys.executable, "-c",
    "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_secret_anywhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[None]:
    """The webhook's URL stands in its own file and nowhere else, whatever went wrong."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert SECRET not in caplog.text
    assert not any(SECRET in text for text in capfd.readouterr())
    assert leaks(tmp_path) == []


def configured_with(folder: Path, **alerts: Any) -> Config:
    values = tomllib.loads(shipped())
    values["state_dir"] = str(folder)
    values["alerts"] = {
        key: str(value) if isinstance(value, Path) else value for key, value in alerts.items()
    }
    return build(values, "test")


@asynccontextmanager
async def delivering(config: Config) -> AsyncIterator[Delivery]:
    made = Delivery(config, "watchdog")
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def state(folder: Path, sink: str = "webhook") -> SinkState:
    found = load(folder)
    return SinkState() if found is None else found.sinks.get(sink, SinkState())


# --- what is sent ---------------------------------------------------------------------------------


async def test_an_alert_of_any_process_arrives_within_five_seconds_and_mentions_nobody(
    tmp_path: Path,
) -> None:
    async with webhook() as hook:
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        async with delivering(config):
            await asyncio.sleep(0.5)
            tell_once(tmp_path, "engine", "critical", "halt of engine: <!channel> & @everyone")
            tell_once(tmp_path, "engine", "info", "for the record")
            assert await hook.until("@everyone") < 5.0
        (body,) = hook.taken
        assert body["allowed_mentions"] == {"parse": []}
        assert body["content"].startswith("xrpfast xddemo\nCRITICAL 20")
        assert body["content"].endswith("Z engine: halt of engine: <!channel> & @everyone")
        assert body["text"].endswith("halt of engine: &lt;!channel&gt; &amp; @everyone")


async def test_both_sinks_get_each_and_one_that_is_down_holds_up_nobody_else(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    async with webhook() as hook:
        hook.down = True
        config = configured_with(
            tmp_path,
            webhook_url_file=url_file(tmp_path, hook.url),
            command=[*TAKES, str(out)],
        )
        async with delivering(config):
            tell_once(tmp_path, "engine", "critical", "first")
            await until(lambda: out.exists() and "first" in out.read_text())
            # The other one is told that this one takes nothing.
            await until(lambda: "alerts do not reach the webhook: HTTP 503" in out.read_text())
            told = state(tmp_path)
            assert (told.problem, told.delivered) == ("HTTP 503", 0)
            assert told.failed >= module.TOLD_AFTER
            assert told.failing_since_wall_ns > 0
            names = configured(config)
            assert names == ["webhook", "command"]
            now = time_ns()
            assert undelivered(tmp_path, names, now) == "alerts do not reach the webhook"
            hook.down = False
            await hook.until("first", "alerts do not reach the webhook")
            await until(lambda: not state(tmp_path).problem)
        assert state(tmp_path).failing_since_wall_ns == 0
        assert state(tmp_path).last_delivered_wall_ns > now
        assert undelivered(tmp_path, names, time_ns()) == ""
        assert undelivered(tmp_path, names, time_ns() + OLD_NS + 10**9) != ""
        assert undelivered(tmp_path, [], time_ns()) == ""


async def test_a_restart_repeats_nothing_that_arrived_and_loses_nothing_that_did_not(
    tmp_path: Path,
) -> None:
    async with webhook() as hook:
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        async with delivering(config):
            tell_once(tmp_path, "engine", "critical", "first")
            await hook.until("first")
            await until(lambda: state(tmp_path).place is not None)
        tell_once(tmp_path, "engine", "critical", "while nobody delivers")
        hook.down = True
        async with delivering(config) as mine:
            mine.tell("critical", "of its own")
            await until(lambda: hook.asked > 1 and "of its own" in (tmp_path / NAME).read_text())
        hook.down = False
        async with delivering(config):
            await hook.until("while nobody delivers", "of its own")
        assert hook.text.count("first") == 1


async def test_a_restart_in_the_middle_of_a_burst_loses_none_of_it(tmp_path: Path) -> None:
    async with webhook() as hook:
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        lines = Lines("engine")
        burst = [lines.make("critical", f"part {n} " + "x" * 580) for n in range(6)]
        append(tmp_path, b"".join(map(encode, burst)))
        async with delivering(config):
            await hook.until("part 0")
            hook.down = True
            await until(lambda: state(tmp_path).problem)
        hook.down = False
        assert "part 5" not in hook.text
        async with delivering(config):
            await hook.until(*(f"part {n} " for n in range(6)))


async def test_one_that_is_new_is_not_told_of_long_ago(tmp_path: Path) -> None:
    old = Line(time_ns() - 3_600 * 10**9, "critical", "engine", 1, 1, "an hour ago")
    append(tmp_path, encode(old))
    tell_once(tmp_path, "engine", "critical", "just now")
    async with webhook() as hook:
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        async with delivering(config):
            await hook.until("just now")
            await until(lambda: state(tmp_path).place)
        assert "an hour ago" not in hook.text
        # It has been there ever since: what it could not be given meanwhile is for it.
        append(tmp_path, encode(msg(old, number=2, text="while it was away", wall_ns=time_ns())))
        async with delivering(config):
            await hook.until("while it was away")


def msg(line: Line, **changes: Any) -> Line:
    fields = {name: getattr(line, name) for name in line.__struct_fields__}
    return Line(**(fields | changes))


async def test_what_it_has_to_say_itself_needs_no_disk(tmp_path: Path) -> None:
    async with webhook() as hook:
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        values = config.model_copy(update={"state_dir": tmp_path / "gone"})
        async with delivering(values) as mine:
            mine.tell("critical", "halt: no heartbeat")
            await hook.until("halt: no heartbeat", within_s=5.0)
            await mine.told(0.1)
            (tmp_path / "gone").mkdir()
            await until(lambda: (tmp_path / "gone" / NAME).exists())
            await asyncio.sleep(1.5)
        assert hook.text.count("halt: no heartbeat") == 1, "its own line in the file is known"


async def test_a_level_below_the_least_is_not_sent(tmp_path: Path) -> None:
    async with webhook() as hook:
        file = url_file(tmp_path, hook.url)
        config = configured_with(tmp_path, webhook_url_file=file, min_level="critical")
        async with delivering(config) as mine:
            tell_once(tmp_path, "engine", "warning", "softly")
            mine.tell("warning", "softly")
            tell_once(tmp_path, "engine", "critical", "loudly")
            await hook.until("loudly")
        assert "softly" not in hook.text


# --- sinks in bad states --------------------------------------------------------------------------


async def test_a_limit_is_kept_to_and_for_no_longer(tmp_path: Path) -> None:
    """Discord's word in the body, as a number with decimals; its header has whole seconds."""
    async with webhook() as hook:
        body = {"message": "You are being rate limited.", "retry_after": 1.2, "global": False}
        hook.answers.append(web.json_response(body, status=429, headers={"Retry-After": "2"}))
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        async with delivering(config) as mine:
            mine.tell("critical", "look here")
            await until(lambda: hook.asked)
            began = asyncio.get_running_loop().time()
            await hook.until("look here")
            took = asyncio.get_running_loop().time() - began
        assert 1.1 < took < 4.0
        assert hook.asked == 2


@pytest.mark.parametrize(
    ("body", "header", "after_s"),
    [
        (b'{"retry_after": 0.25}', "9", 0.25),
        (b"<html>", "9", 9.0),
        (b'{"retry_after": 86400}', None, 600.0),
        (b'{"retry_after": "soon"}', None, None),
        (b'{"retry_after": -1}', None, None),
        (b'{"retry_after": NaN}', None, None),
        (b"[]", None, None),
        (b"", "Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
async def test_how_long_a_limit_lasts(
    tmp_path: Path, body: bytes, header: str | None, after_s: float | None
) -> None:
    async with webhook() as hook:
        headers = {} if header is None else {"Retry-After": header}
        hook.answers.append(web.Response(body=body, status=429, headers=headers))
        with pytest.raises(SinkError) as caught:
            await WebhookSink(url_file(tmp_path, hook.url)).send("x")
        assert caught.value.after_s == after_s


async def test_one_that_never_answers_is_given_three_seconds(tmp_path: Path) -> None:
    async with webhook() as hook:
        hook.hangs.clear()
        began = asyncio.get_running_loop().time()
        with pytest.raises(SinkError, match="no answer within 3 s"):
            await WebhookSink(url_file(tmp_path, hook.url)).send("x")
        assert asyncio.get_running_loop().time() - began < 4.0


async def test_a_message_that_is_refused_is_said_more_plainly_and_holds_up_no_other(
    tmp_path: Path,
) -> None:
    async with webhook() as hook:
        hook.answers.append(web.Response(status=400))
        config = configured_with(tmp_path, webhook_url_file=url_file(tmp_path, hook.url))
        async with delivering(config) as mine:
            mine.tell("critical", "no such thing: \N{PILE OF POO}")
            await hook.until("no such thing: ?")
            mine.tell("critical", "next")
            await hook.until("next")


async def test_certificates_and_addresses_that_are_no_good(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    async with webhook(pem) as hook:
        sink = WebhookSink(url_file(tmp_path, hook.url.replace("127.0.0.1", "localhost")))
        with pytest.raises(SinkError, match=r"^its certificate is not good$"):
            await sink.send("x")
        assert hook.asked == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sink = WebhookSink(url_file(tmp_path, f"http://127.0.0.1:{port}/{SECRET}"))
    with pytest.raises(SinkError, match="no connection"):
        await sink.send("x")


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with webhook() as hook, webhook() as other:
        hook.answers.append(web.Response(status=307, headers={"Location": other.url}))
        with pytest.raises(SinkError, match="HTTP 307"):
            await WebhookSink(url_file(tmp_path, hook.url)).send("x")
        assert other.asked == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"discord.com/api/webhooks/1/{SECRET}",
        f"http://discord.com/api/webhooks/1/{SECRET}",
        f"wss://discord.com/api/webhooks/1/{SECRET}",
        f"https:///api/webhooks/1/{SECRET}",
        f"https://discord.com:x/{SECRET}",
        f"https://[::1/{SECRET}",
        f"https://a.b/{SECRET}\nhttps://a.b/{SECRET}",
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        url_in(url_file(tmp_path, text))
    assert str(caught.value).endswith("webhook: one https:// address has to stand in it")
    assert caught.value.__cause__ is None


def test_the_file_is_private_and_the_url_is_not_in_the_configuration(tmp_path: Path) -> None:
    path = url_file(tmp_path, f"https://a.b/{SECRET}")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="others may get at it"):
        url_in(path)
    text = f'{shipped()}\n[alerts]\nwebhook_url_file = "https://a.b/{SECRET}"\n'
    with pytest.raises(UsageError) as caught:
        parse(text, "x")
    assert "not the URL" in str(caught.value)
    assert SECRET not in str(caught.value)
    with pytest.raises(UsageError, match="the first entry is the program"):
        configured_with(tmp_path, command=[""])


async def test_a_url_that_is_mended_in_its_file_is_used(tmp_path: Path) -> None:
    async with webhook() as hook:
        file = url_file(tmp_path, "nonsense")
        config = configured_with(tmp_path, webhook_url_file=file)
        async with delivering(config) as mine:
            mine.tell("critical", "look here")
            await until(lambda: state(tmp_path).problem)
            assert "has to stand in it" in state(tmp_path).problem
            file.write_text(hook.url)
            await hook.until("look here")


async def test_a_url_that_was_handed_over_is_read_once(tmp_path: Path) -> None:
    async with webhook() as hook:
        reading, writing = os.pipe()
        os.write(writing, hook.url.encode())
        os.close(writing)
        sink = WebhookSink(Path(f"/dev/fd/{reading}"))
        hook.answers.append(web.Response(status=500))
        with pytest.raises(SinkError):
            await sink.send("x")
        await sink.send("again")
        assert "again" in hook.text
        os.close(reading)


async def test_a_program_gets_the_text_and_what_it_makes_of_it_is_known(tmp_path: Path) -> None:
    out = tmp_path / "out"
    await Command((*TAKES, str(out))).send("a\nb")
    assert out.read_text() == "a\nb\n"
    with pytest.raises(SinkError, match="ended with code 7"):
        await Command(("sh", "-c", "exit 7")).send("x")
    with pytest.raises(SinkError, match="ended with code 127"):
        await Command((str(tmp_path / "none"),)).send("x")
    await Command(("true",)).send("x" * 10**6)  # reads nothing of it


async def test_a_program_that_hangs_is_ended_with_all_that_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "COMMAND_S", 0.5)
    pid = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid}; wait"
    with pytest.raises(SinkError, match=r"not done within 0.5 s"):
        await Command(("sh", "-c", script)).send("x")

    def gone() -> bool:
        try:
            status = Path(f"/proc/{int(pid.read_text())}/stat").read_text()
        except FileNotFoundError:
            return True
        return status.rpartition(")")[2].split()[0] == "Z"

    await until(gone)


# --- messages -------------------------------------------------------------------------------------


def test_of_a_flood_every_critical_one_is_told_and_the_others_are_counted() -> None:
    lines = Lines("engine")
    made = []
    for number in range(500):
        made.append(lines.make("warning", f"warning {number}"))
        made.append(lines.make("critical", f"critical {number:03} " + "x" * 300))
    texts = messages("xllive", made)
    whole = "\n".join(texts)
    assert all(f"critical {number:03} " in whole for number in range(500))
    assert "and 470 more below critical: see alerts.jsonl" in whole
    assert all(len(text.encode("utf-16-le")) // 2 <= 2_000 for text in texts)
    assert all(text.startswith("xrpfast xllive\n") for text in texts)


def test_the_same_again_and_again_is_one_line_and_a_long_one_is_cut() -> None:
    lines = Lines("engine")
    made = [lines.make("critical", "the same") for _ in range(1_000)]
    (text,) = messages("x", made)
    assert text.endswith("the same (1000 times)")
    emoji = lines.make("critical", "\N{PILE OF POO}" * 2_000)
    texts = messages("x", [emoji] * 2 + [lines.make("warning", "y" * 5_000)] * 2)
    assert all(len(text.encode("utf-16-le")) // 2 <= MOST + 10 for text in texts)
    assert plain(plain(texts[0])).isascii()
    assert messages("x", []) == []


# --- trying ---------------------------------------------------------------------------------------


async def test_a_test_alert_says_what_each_sink_made_of_it(tmp_path: Path) -> None:
    async with webhook() as hook:
        config = configured_with(
            tmp_path, webhook_url_file=url_file(tmp_path, hook.url), command=["false"]
        )
        one, two = await try_sinks(config)
        assert (one.name, one.problem) == ("webhook", "")
        assert 0 < one.took_ms < 5_000
        assert "test alert" in hook.text
        assert two.says == "command: NOT accepted: ended with code 1"
    assert await try_sinks(configured_with(tmp_path)) == []


async def run(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_tries_them_and_shows_no_secret(tmp_path: Path) -> None:
    async with webhook() as hook:
        file = url_file(tmp_path, hook.url)
        config = tmp_path / "engine.toml"
        base = shipped().replace("var/demo", str(tmp_path))
        config.write_text(f'{base}\n[alerts]\nwebhook_url_file = "{file}"\n')
        code, out, err = await run("alerts", "test", "--config", str(config))
        assert (code, err) == (0, "")
        assert out.startswith("webhook: accepted a test alert after ")
        hook.answers.append(web.Response(status=404))
        code, out, _ = await run("alerts", "test", "--config", str(config), "--json")
        assert code == 1
        assert json.loads(out)["sinks"][0]["problem"] == "HTTP 404"
        _, shown, _ = await run("config", "show", "--config", str(config))
        assert json.loads(shown)["alerts"]["webhook_url_file"] == str(file)
        assert SECRET not in shown
        config.write_text(base)
        code, _, err = await run("alerts", "test", "--config", str(config))
        assert code == 2
        assert "there is no sink" in err

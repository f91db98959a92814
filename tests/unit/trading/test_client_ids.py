"""Client order ids: shape, uniqueness, ownership."""

import re

import pytest

from xrpfast.trading.client_ids import MAX_LENGTH, ClientIds, base36, is_ours, parse

SHAPE = re.compile(r"[0-9A-Za-z-]{1,24}")


def test_shape_and_parts() -> None:
    ids = ClientIds("d", "Ab12", 37, sequence=1296 * 36 + 71)
    first, second = ids.next_pair()
    assert (first, second) == ("xdAb1211-101za", "xdAb1211-101zb")
    assert parse(first) == ("xdAb12", 37, 1296 * 36 + 71, "a")
    assert parse(second) == ("xdAb12", 37, 1296 * 36 + 71, "b")
    assert ids.sequence == 1296 * 36 + 72


def test_ids_never_repeat_and_read_back() -> None:
    ids = ClientIds("d", "demo", 0)
    seen: set[str] = set()
    for sequence in range(3 * 1296 + 5):
        for leg, client_id in zip("ab", ids.next_pair(), strict=True):
            assert SHAPE.fullmatch(client_id)
            parts = parse(client_id)
            assert parts is not None
            assert (parts.epoch, parts.sequence, parts.leg) == (0, sequence, leg)
            seen.add(client_id)
    assert len(seen) == 2 * (3 * 1296 + 5)


def test_another_epoch_has_other_ids() -> None:
    seen = {i for epoch in range(50) for i in ClientIds("d", "demo", epoch).next_pair()}
    assert len(seen) == 100


def test_sequence_ends_rather_than_outgrows_an_id() -> None:
    ids = ClientIds("d", "demo", 36**9, sequence=36**6 - 1)
    assert all(len(i) == MAX_LENGTH for i in ids.next_pair())
    for _ in range(2):
        with pytest.raises(OverflowError, match="restart"):
            ids.next_pair()


@pytest.mark.parametrize(
    ("environment", "deployment", "epoch"),
    [
        ("", "demo", 1),
        ("dd", "dem", 1),
        ("d", "dem", 1),
        ("d", "demos", 1),
        ("d", "de-o", 1),
        ("ä", "demo", 1),
        ("d", "demo", -1),
        ("d", "demo", 36**11),
    ],
)
def test_bad_parts_are_refused(environment: str, deployment: str, epoch: int) -> None:
    with pytest.raises(ValueError):
        ClientIds(environment, deployment, epoch)


def test_ownership() -> None:
    assert is_ours("xddemo5-00a", "xddemo")
    assert not is_ours("xddemp5-00a", "xddemo")
    assert not is_ours("web_123", "xddemo")
    assert not is_ours("anything", "")


@pytest.mark.parametrize("text", ["", "xddemo", "xddemo5-00c", "xddemo5_00a", "x" * 30, "web-1a"])
def test_foreign_ids_have_no_parts(text: str) -> None:
    assert parse(text) is None


def test_base36() -> None:
    assert [base36(n) for n in (0, 35, 36, 36**3)] == ["0", "z", "10", "1000"]
    with pytest.raises(ValueError):
        base36(-1)

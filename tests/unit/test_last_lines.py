"""The last lines of a byte stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clients.harness.last_lines import LINE_BYTES, LINE_CHARACTERS, MAX_LINES, LastLines


def kept(*pieces: bytes) -> tuple[str, ...]:
    lines = LastLines()
    for piece in pieces:
        lines.add(piece)
    return lines.all()


def test_a_line_in_pieces_is_one_line() -> None:
    assert kept(b"3", b" ", b"answers", b"\n") == ("3 answers",)


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])), max_size=30), st.data())
def test_the_pieces_do_not_affect_the_lines(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(f"{line}\n" for line in lines).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))))
    pieces = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert kept(*pieces) == kept(whole) == tuple(line for line in lines if line.strip())[-MAX_LINES:]


def test_the_last_line_may_be_incomplete() -> None:
    assert kept(b"one\ntwo") == ("one", "two")


def test_an_endless_line_is_cut_and_the_next_line_is_kept() -> None:
    lines = LastLines()
    for _ in range(100):
        lines.add(b"x" * LINE_BYTES)
    lines.add(b"\nnext\n")
    assert lines.all() == ("x" * LINE_CHARACTERS, "next")


def test_invalid_utf_8_gives_replacement_characters() -> None:
    assert kept(b"caf\xc3", b"\xa9 \xff\n") == ("café \N{REPLACEMENT CHARACTER}",)

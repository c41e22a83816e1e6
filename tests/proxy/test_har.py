"""What went by, as HTTP Archive 1.2: written, read again, cut off, gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.proxy.exchanges import Exchange, decoded
from understudy.proxy.har import Unread, entry, read
from understudy.proxy.keeping import Record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EXCHANGES = st.builds(
    Exchange, st.just(1), st.sampled_from(["GET", "POST"]), st.sampled_from(["/a", "/a?b=c%20d", "/%2F"]), st.just((("x-a", "1"), ("content-type", "text/plain"))), st.binary(max_size=20), st.sampled_from([200, 404]),
    st.just((("content-type", "application/json"),)), st.binary(max_size=20), st.just(1_700_000_000.5), st.just(0.25), st.just(0), st.just(1),
)  # fmt: skip


@given(EXCHANGES)
def test_an_exchange_is_read_as_it_was_written(one: Exchange) -> None:
    """Bodies that are no text too."""
    text = json.dumps({"log": {"entries": [entry(one, "https://api.example")]}})
    assert read(text) == ([one], None)


def test_a_file_that_was_cut_off_is_read_as_far_as_it_is_whole(tmp_path: Path) -> None:
    """Wherever it was cut; and that it was is said."""
    record = Record(tmp_path / "a.har")
    for number in (1, 2, 3):
        record.add(entry(Exchange(number, "GET", f"/{number}", (), b"", 200, (), b"{}"), "http://x"))
    record.close()
    text = (tmp_path / "a.har").read_text()
    places = [index for index, letter in enumerate(text) if letter == "\n"]
    for cut in range(places[1], len(text) - 4, 37):
        found, said = read(text[:cut])
        assert [one.target for one in found] == ["/1", "/2", "/3"][: len(found)]
        assert said is not None
    assert len(read(text[:-4])[0]) == 3


def test_a_record_is_whole_after_every_exchange_and_gone_on_with(tmp_path: Path) -> None:
    """A kill at any time leaves a valid file; placeholders go on behind those it holds."""
    path = tmp_path / "a.har"
    for turn in range(3):
        record = Record(path)
        assert (record.count, record.placeholders) == (turn, turn * 7)
        record.add(entry(Exchange(turn, "GET", "/", (("authorization", f"Bearer redacted-{turn * 7 + 7}"),), b"", 200, (), "{\"a\": \"ü\"}".encode()), "http://x"))
        assert len(json.loads(path.read_text())["log"]["entries"]) == turn + 1
        record.close()
    assert path.stat().st_mode & 0o077 == 0  # traffic is nobody else's to read


def test_a_file_of_another_kind_is_not_written_over(tmp_path: Path) -> None:
    """It stays as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(Unread, match="name another"):
        Record(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"log": 1}', '{"log": {"entries": 3}}', "<html>", '{"log": {"entries": [', "nul"])
def test_what_is_no_archive_is_refused(text: str) -> None:
    """And nothing else is raised."""
    with pytest.raises(Unread):
        read(text)


def test_entries_that_are_none_are_left_out() -> None:
    """What a browser could not finish has status 0."""
    rows = [{}, 3, None, {"request": {"url": "http://x/a"}, "response": {"status": 0}}, {"request": {"url": "http://x/a"}, "response": {"status": "200"}}]
    assert [one.target for one in read(json.dumps({"log": {"entries": rows}}))[0]] == ["/a"]


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "x-gzip", "br", "identity", "gzip, gzip", ""]))
def test_no_body_is_too_strange_to_decode(data: bytes, codings: str) -> None:
    """What cannot be undone is None, and never longer than allowed."""
    found = decoded(data, codings, 100)
    assert found is None or len(found) <= max(100, len(data))


def test_a_bomb_is_not_unpacked() -> None:
    """A few octets that mean many."""
    import zlib

    assert decoded(zlib.compress(b"0" * 10_000_000), "deflate", 1000) is None


def test_a_disk_that_is_full_leaves_the_record_whole(tmp_path: Path) -> None:
    """What was written before stays; that this was not is said."""
    record = Record(tmp_path / "a.har")
    record.add(entry(Exchange(1, "GET", "/1", (), b"", 200, (), b"{}"), "http://x"))
    real = record._file

    class Full:
        """Takes 40 octets of what is longer than the tail."""

        def write(self, data: bytes) -> int:
            return int(real.write(data[:40] if len(data) > 40 else data))

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    record._file = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space"):
        record.add(entry(Exchange(2, "GET", "/2", (), b"", 200, (), b"{}"), "http://x"))
    assert [one.target for one in read((tmp_path / "a.har").read_text())[0]] == ["/1"]
    record._file = real
    record.add(entry(Exchange(3, "GET", "/3", (), b"", 200, (), b"{}"), "http://x"))
    record.close()
    assert [one.target for one in read((tmp_path / "a.har").read_text())[0]] == ["/1", "/3"]

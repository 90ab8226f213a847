"""JSON values of a file, however they stand in it."""

import json
from pathlib import Path

import pytest

from tracetier.ingest.formats._json_values import read_values
from tracetier.ingest.issue import Issue
from tracetier.ingest.source import Source

_A: dict[str, object] = {"a": [1, {"b": "} ]\u2028"}]}
_B: dict[str, object] = {"c": {}}
_LINE = json.dumps(_A, ensure_ascii=False)  # with U+2028 as it is


def _read(path: Path, text: str, **options: int) -> list[object]:
    path.write_text(text, encoding="utf-8")
    return [
        item.reason if isinstance(item, Issue) else json.loads(item)
        for item in read_values(Source(path), **options)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(_LINE + "\n" + json.dumps(_B) + "\n", [_A, _B], id="one a line"),
        pytest.param(json.dumps(_A, indent=2), [_A], id="a document"),
        pytest.param(json.dumps(_A, indent=0), [_A], id="a document without indent"),
        pytest.param(json.dumps([_A, _B], indent=1), [[_A, _B]], id="a list"),
        pytest.param(f"[{json.dumps(_A)},\n{json.dumps(_B)}]", [[_A, _B]], id="a list in lines"),
        pytest.param(
            f"{json.dumps(_A, indent=4)}\n{json.dumps(_B, indent=4)}\n", [_A, _B], id="printed"
        ),
        pytest.param(
            f"Hello, world\n{json.dumps(_A, indent=4)}\nbye\n{json.dumps(_B, indent=4)}\n",
            ["not_json", _A, "not_json", _B],
            id="printed between other output",
        ),
        pytest.param("\ufeff" + json.dumps(_A, indent=2), [_A], id="byte-order mark"),
    ],
)
def test_each_value_is_found_once(text: str, expected: list[object], tmp_path: Path) -> None:
    """Brackets and line breaks inside of strings part nothing."""
    assert _read(tmp_path / "log", text) == expected


def test_a_value_that_is_cut_does_not_take_the_next_one(tmp_path: Path) -> None:
    """A program that was killed while it printed, and started again."""
    whole, cut = json.dumps(_A, indent=4), json.dumps(_A, indent=4)[:-12]
    (tmp_path / "log").write_text(f"{whole}\n{cut}\n{whole}\n", encoding="utf-8")
    first, broken, last = read_values(Source(tmp_path / "log"))

    assert isinstance(first, bytes)
    assert isinstance(broken, bytes)
    assert isinstance(last, bytes)
    assert (json.loads(first), json.loads(last)) == (_A, _A)
    assert broken.decode().strip() == cut.strip()


def test_a_broken_first_line_does_not_take_the_others(tmp_path: Path) -> None:
    """Though it looks like a document that goes on for many lines."""
    line = json.dumps({"resourceSpans": [1]})
    (tmp_path / "log").write_text(f'{{"resourceSpans": [\n{line}\n{line}\n')
    source = Source(tmp_path / "log")
    found = [(source.line, item) for item in read_values(source)]

    assert found[1:] == [(2, line.encode()), (3, line.encode())]
    assert found[0] == (1, b'{"resourceSpans": [')


def test_a_value_that_is_too_long_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    """Without being held."""
    text = json.dumps({"a": "x" * 500, "b": 1}, indent=4) + "\n" + json.dumps(_B, indent=4)

    assert _read(tmp_path / "log", text, value_bytes=100) == ["too_long", _B]


def test_a_value_knows_the_line_where_it_ends(tmp_path: Path) -> None:
    """As CSV records do."""
    (tmp_path / "log").write_text('{\n"a": 1\n}\n\n{\n"a": 2\n}\n')
    source = Source(tmp_path / "log")

    assert [source.line for _ in read_values(source)] == [3, 7]

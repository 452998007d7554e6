"""Single keys of a TOML file changed in the page: every other byte stays."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.errors import AllocateError
from allocate.serve.editing import NOTHING, Way, Written, leaves, like

MODELS = Path(__file__).parents[1] / "models"
FILES = sorted([*MODELS.glob("*.toml"), *MODELS.glob("p*/*.toml")])
BAODI = Written((MODELS / "baodi.toml").read_bytes(), "baodi.toml")
KEYS = [way for way, _ in leaves(BAODI.content)]
HOSTILE = [
    '"""',
    "'''",
    "\\",
    "\x00\x1b[31m",
    "=cmd|' /C calc'!A0",
    "{{ 7*7 }}",
    "\u202e\u2066",
    "# no\n[rules]",
    "字" * 40_000,
    "👩‍⚕️",
]


def other(value: Any) -> Any:
    """Return another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + " 改"
        case date():
            return date(2031, 5, 1)
        case list():
            return value[1:] if value else ["new"]
        case _:
            return 7


def outside(raw: bytes, written: Written, way: Way) -> tuple[bytes, bytes]:
    """Return what stands before and after a value."""
    text = written.as_written(way)
    assert text
    start, end = written.span(way)
    return raw.decode()[:start].encode(), raw.decode()[end:].encode()


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_value_is_found_where_it_stands(file: Path) -> None:
    written = Written(file.read_bytes())
    for way, value in leaves(written.content):
        assert tomllib.loads(f"value = {written.as_written(way)}")["value"] == value


@pytest.mark.parametrize("file", sorted(MODELS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_key_that_is_changed_and_put_back_leaves_the_very_same_bytes(file: Path) -> None:
    raw = file.read_bytes()
    before = Written(raw)
    for way, value in list(leaves(before.content))[::13]:
        after = before.put(way, other(value))
        assert after.value(way) == other(value)
        assert outside(raw, before, way) == outside(after.raw, after, way), way
        assert after.put(way, value, before.as_written(way)).raw == raw, way


@pytest.mark.parametrize("file", sorted(MODELS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_key_that_is_added_and_taken_out_again_leaves_the_very_same_bytes(file: Path) -> None:
    raw = file.read_bytes()
    before = Written(raw)
    tables = {way[:-1] for way, _ in leaves(before.content)} | {
        ("clauses", "XX-1"),
        ("travel",),
        ("scenarios", "neu", "set"),
    }
    for way in sorted(tables)[::7]:
        if way and way[-1].isdigit() and not isinstance(before.value(way), dict):
            continue
        added = before.put((*way, "extra key"), "wert")
        assert added.value((*way, "extra key")) == "wert"
        assert added.put((*way, "extra key"), NOTHING).raw == raw, way


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.text(max_size=30)
            | st.integers(-(2**60), 2**60)
            | st.floats(allow_nan=False)
            | st.booleans()
            | st.sampled_from(HOSTILE),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_written_every_other_line_stays(steps: list[tuple[Way, Any]]) -> None:
    now = BAODI
    for way, value in steps:
        before, now = now, now.put(way, value)
        assert now.value(way) == value
        assert outside(before.raw, before, way) == outside(now.raw, now, way)
    for way, _ in reversed(steps):
        now = now.put(way, BAODI.value(way), BAODI.as_written(way))
    assert now.raw == BAODI.raw


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_ends_of_lines_and_marks_stay_as_they_are(newline: str, end: str, mark: str) -> None:
    lines = [
        "# top",
        "years = [2025] # plan",
        "",
        "# the clinic",
        "[siting.clinic] # here",
        "opening = 1_000 # yuan",
        "set.a.b = 1",
    ]
    raw = (mark + newline.join(lines) + end).encode()
    before = Written(raw)
    assert before.comment(("siting", "clinic", "opening")) == "yuan"
    assert before.comment(("years",)) == "plan"
    assert b"opening = 2_500 # yuan" in before.put(("siting", "clinic", "opening"), 2500).raw
    for way in (
        ("draws",),
        ("siting", "clinic", "yearly"),
        ("siting", "clinic", "set", "a", "c"),
        ("clauses", "BD-1", "on"),
    ):
        added = before.put(way, 3)
        assert added.value(way) == 3
        assert added.put(way, NOTHING).raw == raw, way
        assert added.text.replace("\r\n", "").count("\r") == 0
        assert (b"\r\n" in added.raw) == (newline == "\r\n")


def test_strings_of_several_lines_and_lists_with_remarks_are_found_whole() -> None:
    raw = b'a = """x\n"y" = 1 ""quoted"""\nb = [ # first\n  1, # one\n  2,\n]\n"c d".e = \'\'\'z\'\'\'\n'
    raw += b"f = 1979-05-27 07:32:00\n"
    before = Written(raw)
    assert before.put(("b", "1"), 5).raw == raw.replace(b"  2,", b"  5,")
    assert before.put(("c d", "e"), "q").raw == raw.replace(b"'''z'''", b'"q"')
    assert before.put(("a",), 1).text.startswith("a = 1\nb = [")
    assert before.put(("f",), 2).text.endswith("f = 2\n")


def test_goals_change_places_with_what_is_written_above_them() -> None:
    names = [goal["goal"] for goal in BAODI.content["goals"]]
    order = [2, 0, 1, *range(3, len(names))]
    moved = BAODI.ordered(("goals",), order)
    assert [goal["goal"] for goal in moved.content["goals"]] == [names[n] for n in order]
    back = [order.index(n) for n in range(len(order))]
    assert moved.ordered(("goals",), back).raw == BAODI.raw
    assert sorted(moved.text.splitlines()) == sorted(BAODI.text.splitlines())


def test_goals_in_one_list_change_places_too() -> None:
    before = Written(b'goals = [{goal = "a", n = 1}, {goal = "b"}] # two\n')
    assert before.ordered(("goals",), [1, 0]).raw == b'goals = [{goal = "b"}, {goal = "a", n = 1}] # two\n'


def test_an_order_that_is_none_is_refused() -> None:
    for order in ([0, 0, 1, 2], [0], []):
        with pytest.raises(AllocateError):
            BAODI.ordered(("goals",), order)


def test_a_new_table_comes_at_the_end_and_goes_again() -> None:
    table = {"title": {"zh": "甲", "en": "A"}, "set": {"rules.circle.share": 0.99}, "basis": "assumed"}
    added = BAODI.put(("scenarios", "neu"), table)
    assert added.text.startswith(BAODI.text)
    assert tomllib.loads(added.text)["scenarios"]["neu"] == table
    assert added.put(("scenarios", "neu"), NOTHING).raw == BAODI.raw


@pytest.mark.parametrize(
    "way", [("years", "9"), ("title", "zh", "x"), ("goals", "7", "gap"), ("years", "a"), ("as_of", "day")]
)
def test_a_key_that_has_no_place_is_refused(way: Way) -> None:
    with pytest.raises(AllocateError):
        BAODI.put(way, 1)


def test_halves_of_signs_are_refused_and_not_written() -> None:
    with pytest.raises(AllocateError):
        BAODI.put(("title", "zh"), "\ud800")


@pytest.mark.parametrize("raw", [b"a = ", b"\xff\xfe", b"a = 1\na = 2", b"[" * 3000])
def test_what_is_no_toml_is_refused(raw: bytes) -> None:
    with pytest.raises(AllocateError):
        Written(raw)


def test_what_a_browser_sends_takes_the_kind_of_what_it_replaces() -> None:
    assert repr(like([1, 2], [0.5])) == "[1.0, 2]"
    assert like("soon", date(2024, 1, 1)) == "soon"
    assert like(True, 1) is True

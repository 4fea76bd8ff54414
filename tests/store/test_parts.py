"""The files of server-side Lua: what they declare is what they use, and the libraries keep clear of Lua's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store import lua_names
from zaqar_core.store import parts
from zaqar_core.store.parts import KINDS, Part, QueueKind
from zaqar_core.store.scripts import script

LUA = Path(parts.__file__).parent / "lua"
FILES = sorted(LUA.rglob("*.lua"))
#: Lua 5.1 allows 200 local variables and 60 upvalues in a function.
MOST_LOCALS, MOST_UPVALUES = 190, 55
#: What the loader defines without a file.
GIVEN = {"KIND", "LIMITS"}


def kinds_of(file: Path) -> list[QueueKind]:
    return [kind for kind in KINDS if kind == file.parent.name] or list(KINDS)


def chain(*uses: tuple[str, ...]) -> list[Part]:
    """Parts a, b, c ..., each of which defines its own name."""
    return [Part(name, "", used, (name,)) for name, used in zip("abcdef", uses, strict=False)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_file_declares_the_names_that_it_uses(file: Path) -> None:
    text = file.read_text()
    chunk = lua_names.read(text)
    read = [parts.part(file.stem, text, kind) for kind in kinds_of(file)]
    assert {name for one in read for name in one.uses} == chunk.free.keys() - parts.SERVER_API
    if file.parent.name != "functions":
        assert [set(one.defines) for one in read] == [chunk.top.keys()] * len(read)


@pytest.mark.parametrize("kind", KINDS)
def test_a_declaration_for_some_kinds_names_those_that_define_the_name(kind: QueueKind) -> None:
    available = parts.parts(kind)
    defined = {name for one in available for name in one.defines} | GIVEN
    for file in FILES:
        if kind in kinds_of(file):
            text = file.read_text()
            used = lua_names.read(text).free.keys() - parts.SERVER_API
            assert set(parts.part(file.stem, text, kind).uses) == used & defined, file


def ordered(kind: QueueKind) -> list[Part]:
    given = [Part(name, "", (), (name,)) for name in GIVEN]
    return parts.in_order([*given, *parts.parts(kind)], parts.functions(kind))


def test_every_part_is_in_a_library() -> None:
    """A part that no function needs is unused code."""
    needed = {one.name for kind in KINDS for one in ordered(kind)} - GIVEN
    assert needed == {file.stem for file in FILES if file.parent.name != "functions"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_has_each_part_behind_what_it_uses(kind: QueueKind) -> None:
    known: set[str] = set()
    for one in ordered(kind):
        known |= set(one.defines)
        assert set(one.uses) <= known, one.name
    assert ordered(kind)[0].name == parts.FIRST


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_keeps_clear_of_the_limits_of_lua(kind: QueueKind) -> None:
    text = getattr(script("send"), kind).library.text.decode()
    chunk = lua_names.read(text.partition("\n")[2])
    assert chunk.main.declared < MOST_LOCALS
    assert [f for f in chunk.functions if len(f.upvalues) > MOST_UPVALUES] == []


def test_parts_come_after_what_they_use() -> None:
    found = parts.in_order(chain(("b", "c"), ("c",), (), ()), [Part("f", "", ("a",), ())])
    assert [one.name for one in found] == ["c", "b", "a"]


def test_parts_that_use_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="circle: b -> c -> b"):
        parts.in_order(chain(("b",), ("c",), ("b",)), [Part("f", "", ("a",), ())])


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="b uses missing, which no part defines"):
        parts.in_order(chain(("b",), ("missing",)), [Part("f", "", ("a",), ())])


def test_a_name_that_two_parts_define_is_refused() -> None:
    with pytest.raises(ValueError, match="a is defined by the parts a and other"):
        parts.in_order([*chain(()), Part("other", "", (), ("a",))], [])


def test_a_part_of_one_kind_is_not_shared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_texts", lambda folder: (("take", f"local {folder}"),))
    with pytest.raises(ValueError, match="parts in both lua/shared and lua/fifo: take"):
        parts.parts("fifo")


def test_a_declaration_can_be_for_some_kinds_only() -> None:
    text = (
        "-- does something\n-- uses: a, b\n-- uses (fair, fifo): c\nlocal d, e = a, b\nlocal function f() return c end"
    )
    plain, fifo = parts.part("x", text, "plain"), parts.part("x", text, "fifo")
    assert (plain.uses, fifo.uses) == (("a", "b"), ("a", "b", "c"))
    assert plain.defines == ("d", "e", "f")


@pytest.mark.parametrize(
    ("text", "free", "top"),
    [
        ("local a = a", {"a"}, {"a"}),
        ("local function f() return f end", set(), {"f"}),
        ("for i = 1, n do print(i) end", {"n", "print"}, set()),
        ("repeat local x = 1 until x", set(), set()),
        ("do local x end return x", {"x"}, set()),
        ("if a then local b = 1 elseif b then c.d = { e = f, [g] = 'h' } end", {"a", "b", "c", "f", "g"}, set()),
    ],
)
def test_names_are_resolved_as_lua_does(text: str, free: set[str], top: set[str]) -> None:
    chunk = lua_names.read(text)
    assert (set(chunk.free), set(chunk.top)) == (free, top)


def test_upvalues_pass_through_the_functions_between() -> None:
    chunk = lua_names.read("local a, b\nlocal function f() local c = b return function() return a, c end end")
    assert [function.upvalues for function in chunk.functions] == [set(), {"a", "b"}, {"a", "c"}]

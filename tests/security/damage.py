"""Ways in which a file or a stored text may be wrong."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

__all__ = ["altered_json", "damaged", "replaced"]

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 10**6, 2**31, 2**63, 10**30, -(10**30), 1e308, -0.5]),
    st.sampled_from([float("nan"), float("inf"), "", "a", "../../x", "\0", [], {}, [[]], [None]]),
    st.lists(st.integers(-3, 3), max_size=3),
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Content that is cut off, has bits flipped, a part repeated, zeroed or replaced."""
    kind = draw(st.sampled_from(["cut", "flip", "flip", "zero", "repeat", "junk"]))
    at = draw(st.integers(0, len(content) - 1))
    end = min(len(content), at + draw(st.integers(1, 64)))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        changed = bytearray(content)
        for place in {at, *draw(st.lists(st.integers(0, len(content) - 1), max_size=4))}:
            changed[place] ^= 1 << draw(st.integers(0, 7))
        return bytes(changed)
    if kind == "zero":
        return content[:at] + bytes(end - at) + content[end:]
    if kind == "repeat":
        return content[:end] + content[at:]
    return content[:at] + draw(st.binary(min_size=1, max_size=64)) + content[end:]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = list(enumerate(value))[:6]
    for key, item in items:
        yield from _places(item, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of nested dicts and lists with another value at one place."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def altered_json(draw: st.DrawFn, text: str) -> str:
    """JSON of which one or two parts are another value, missing, or which is no JSON any more."""
    if draw(st.integers(0, 4)) == 0:
        return draw(damaged(text.encode())).decode(errors="replace")
    data = json.loads(text)
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(list(_places(data))))
        if path and draw(st.booleans()) and isinstance(path[-1], str):
            parent: Any = data
            for key in path[:-1]:
                parent = parent[key]
            data = replaced(data, path[:-1], {k: v for k, v in parent.items() if k != path[-1]})
        else:
            data = replaced(data, path, draw(_JUNK))
        if not isinstance(data, dict | list):
            break
    return json.dumps(data)

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ModelDamaged, MynahError
from storage.model_files import check_safetensors
from tests.fakes.weights import safetensors_bytes


def with_header(header: Any, data: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensor(begins: int, ends: int, *, dtype: str = "U8", shape: list[int] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [ends - begins] if shape is None else shape, "data_offsets": [begins, ends]}


WHOLE = {
    "one tensor": safetensors_bytes(b"abc"),
    "no tensor": with_header({"__metadata__": {"format": "pt"}}),
    "a scalar": with_header({"a": tensor(0, 4, dtype="F32", shape=[])}, b"1234"),
    "out of order": with_header({"b": tensor(2, 5), "a": tensor(0, 2)}, b"12345"),
    "an empty tensor between": with_header(
        {"a": tensor(0, 2), "b": tensor(2, 2, shape=[0, 7]), "c": tensor(2, 3)}, b"123"
    ),
    "a type of the future": with_header({"a": tensor(0, 3, dtype="F6_NEW", shape=[4])}, b"123"),
}
DAMAGED = {
    "empty": b"",
    "seven bytes": b"1234567",
    "a header longer than the file": with_header({}, length=1000),
    "a huge header": with_header({}, length=2**63),
    "not JSON": with_header(b"{{{"),
    "not text": with_header(b"\xff\xfe\xfd"),
    "a list": with_header([]),
    "deeply nested": with_header(b"[" * 100_000),
    "a tensor without offsets": with_header({"a": {"dtype": "U8", "shape": []}}),
    "a tensor that is a number": with_header({"a": 3}),
    "cut short": safetensors_bytes(b"abc")[:-1],
    "something behind": safetensors_bytes(b"abc") + b"d",
    "a gap": with_header({"a": tensor(0, 1), "b": tensor(2, 3)}, b"123"),
    "an overlap": with_header({"a": tensor(0, 2), "b": tensor(1, 3)}, b"123"),
    "backwards": with_header({"a": tensor(3, 0, shape=[3])}, b"123"),
    "a wrong shape": with_header({"a": tensor(0, 3, shape=[4])}, b"123"),
    "a negative shape": with_header({"a": tensor(0, 4, shape=[-2, -2])}, b"1234"),
    "a wrong type": with_header({"a": tensor(0, 3, dtype="F32", shape=[3])}, b"123"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_let_in(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.safetensors").write_bytes(WHOLE[name])
    check_safetensors(tmp_path / "m.safetensors")


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.safetensors").write_bytes(DAMAGED[name])
    with pytest.raises(ModelDamaged, match=r"m\.safetensors"):
        check_safetensors(tmp_path / "m.safetensors")


@given(st.data())
def test_any_garbled_header_is_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "garbled.safetensors"
    garbled = bytearray(safetensors_bytes(b"abcdef"))
    for _ in range(data.draw(st.integers(1, 4))):
        garbled[data.draw(st.integers(0, len(garbled) - 7))] = data.draw(st.integers(0, 255))
    path.write_bytes(garbled)
    with contextlib.suppress(MynahError):
        check_safetensors(path)

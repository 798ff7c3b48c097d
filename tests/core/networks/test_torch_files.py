"""Files in PyTorch's legacy format, written here by hand: what they hold, and everything that is refused."""

import collections
import hashlib
import io
import os
import pickle
import struct
from typing import ClassVar

import numpy as np
import pytest

from core.networks import torch_files
from core.networks.torch_files import read_tensors


class Global:
    """Stands for a name of another package: pickled as ``module.name`` without the package being there."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """Pickled as the call of a global with these arguments."""

    def __init__(self, function, *args):
        self.function, self.args = function, args


class Key(str):
    """A reference to a storage; ``given`` is what a pickle says of it."""

    __slots__ = ("given",)


class Writer(pickle._Pickler):
    """The pickler in pure Python, which can be taught to write a global by its name alone."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_name(self, one):
        self.write(f"c{one.module}\n{one.name}\n".encode())

    def save_call(self, one):
        self.save(one.function)
        self.save(one.args)
        self.write(pickle.REDUCE)

    def save_dictionary(self, one):
        self.save_call(Call(Global("collections", "OrderedDict"), [[name, value] for name, value in one.items()]))

    dispatch |= {Global: save_name, Call: save_call, collections.OrderedDict: save_dictionary}

    def persistent_id(self, one):
        return one.given if isinstance(one, Key) else None


def pickled(value):
    stream = io.BytesIO()
    Writer(stream, 2).dump(value)
    return stream.getvalue()


def storage(key, count, kind="FloatStorage", view=None):
    reference = Key(key)
    reference.given = ("storage", Global("torch", kind), key, "cpu", count, view)
    return reference


def tensor(where, offset, shape, strides):
    hooks = collections.OrderedDict()
    return Call(Global("torch._utils", "_rebuild_tensor_v2"), where, offset, shape, strides, False, hooks)


MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


def legacy(tensors, storages, *, magic=torch_files.MAGIC, version=1001, machine=MACHINE, keys=None):
    """The bytes of a file; ``storages`` are arrays by key."""
    heads = [pickled(one) for one in (magic, version, machine)]
    body = tensors if isinstance(tensors, bytes) else pickled(collections.OrderedDict(tensors))
    rest = [struct.pack("<q", one.size) + one.tobytes() for one in storages.values()]
    return b"".join([*heads, body, pickled(list(storages) if keys is None else keys), *rest])


@pytest.fixture
def read(tmp_path):
    def reader(content, digest=None):
        path = tmp_path / "weights.pth"
        path.write_bytes(content)
        return read_tensors(path, sha256=digest or hashlib.sha256(content).hexdigest())

    return reader


NUMBERS = np.arange(24, dtype=np.float32) / 7


def one(shape, strides, offset=0, numbers=NUMBERS, kind="FloatStorage"):
    return legacy({"w": tensor(storage("7", numbers.size, kind), offset, shape, strides)}, {"7": numbers})


# ------------------------------------------------------------------------------------------- what is read


def test_tensors_come_by_name_in_the_order_of_the_file(read):
    counts = np.array([5, -6], np.int64)
    wanted = {"b": tensor(storage("9", 24), 0, (2, 3, 4), (12, 4, 1)),
              "a": tensor(storage("8", 2, "LongStorage"), 1, (), ())}  # fmt: skip
    found = read(legacy(wanted, {"8": counts, "9": NUMBERS}))
    assert list(found) == ["b", "a"]
    np.testing.assert_array_equal(found["b"], NUMBERS.reshape(2, 3, 4))
    assert found["a"].shape == () and found["a"] == -6 and found["a"].dtype == np.int64


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [("DoubleStorage", "<f8"), ("HalfStorage", "<f2"), ("IntStorage", "<i4"), ("ShortStorage", "<i2"),
     ("CharStorage", "<i1"), ("ByteStorage", "<u1"), ("BoolStorage", "|b1")],
)  # fmt: skip
def test_every_kind_of_number_is_read_as_itself(read, kind, numbers):
    own = np.array([0, 1, 1, 0, 1], numbers)
    found = read(one((5,), (1,), numbers=own, kind=kind))["w"]
    assert found.dtype == own.dtype
    np.testing.assert_array_equal(found, own)


def test_strides_count_numbers_so_a_transposed_tensor_is_read_transposed(read):
    found = read(one((4, 3), (1, 4), offset=12))["w"]
    np.testing.assert_array_equal(found, NUMBERS[12:].reshape(3, 4).T)


def test_tensors_may_share_a_storage_and_overlap(read):
    shared = storage("7", 24)
    found = read(
        legacy({"rows": tensor(shared, 0, (4, 5), (1, 5)), "again": tensor(shared, 2, (3, 3), (1, 1))}, {"7": NUMBERS})
    )
    np.testing.assert_array_equal(found["rows"], NUMBERS[np.add.outer(np.arange(4), 5 * np.arange(5))])
    np.testing.assert_array_equal(found["again"], NUMBERS[2 + np.add.outer(np.arange(3), np.arange(3))])
    assert np.shares_memory(found["rows"], found["again"]), "windows, not copies"
    with pytest.raises(ValueError, match="read-only"):
        found["rows"][0, 0] = 1


def test_an_empty_tensor_is_empty(read):
    assert read(one((0, 3), (3, 1)))["w"].shape == (0, 3)


# ----------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((25,), (1,), 0), ((24,), (1,), 1), ((2, 12), (13, 1), 0), ((2,), (2**62,), 0), ((3, 8), (8, 2), 0)],
)
def test_a_tensor_that_reaches_out_of_its_storage_is_refused(read, shape, strides, offset):
    with pytest.raises(ValueError, match=r"the tensor 'w' reaches to \d+ in a storage of 24 numbers"):
        read(one(shape, strides, offset))


@pytest.mark.parametrize(("shape", "strides"), [((10**12,), (0,)), ((5, 5), (1, 1)), ((2**31, 2**31), (0, 0))])
def test_a_tensor_that_would_unfold_into_more_than_the_file_holds_is_refused(read, shape, strides):
    with pytest.raises(ValueError, match="the tensor 'w' has more numbers than its storage"):
        read(one(shape, strides))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((2,), (-1,), 5), ((-2,), (1,), 0), ((2,), (1,), -1), ((2, 2), (1,), 0), ([2], (1,), 0), ((2.0,), (1,), 0),
     ((True,), (1,), 0), ((2,), ("1",), 0)],
)  # fmt: skip
def test_sizes_that_are_none_are_refused(read, shape, strides, offset):
    with pytest.raises(ValueError, match=r"it has a tensor of shape|without storage, shape or strides"):
        read(one(shape, strides, offset))


@pytest.mark.parametrize("cut", [0, 1, 14, 40, 130, 300, -97, -96, -4, -1])
def test_a_file_that_is_cut_off_is_refused(read, cut):
    with pytest.raises(ValueError, match="Expected a file in PyTorch's legacy format, got "):
        read(one((24,), (1,))[:cut])


def test_bytes_after_the_end_are_refused(read):
    with pytest.raises(ValueError, match="3 bytes follow its last storage"):
        read(one((24,), (1,)) + b"abc")


@pytest.mark.parametrize("announced", [23, 25, 2**40])
def test_a_storage_of_another_length_than_announced_is_refused(read, announced):
    content = legacy({"w": tensor(storage("7", announced), 0, (2,), (1,))}, {"7": NUMBERS})
    with pytest.raises(ValueError, match=f"the storage '7' has 24 numbers where {announced} were announced"):
        read(content)


def test_a_storage_that_is_longer_than_the_file_is_refused(read):
    content = legacy({"w": tensor(storage("7", 2**40), 0, (2,), (1,))}, {})
    short = content[: -len(pickled([]))] + pickled(["7"]) + struct.pack("<q", 2**40) + bytes(8)
    with pytest.raises(ValueError, match="it ends within the storage '7'"):
        read(short)


@pytest.mark.parametrize("keys", [[], ["7", "7"], ["8"], ["7", "8"], "7", [["7"]], {"7": 1}])
def test_a_list_of_storages_that_does_not_fit_is_refused(read, keys):
    content = legacy({"w": tensor(storage("7", 24), 0, (2,), (1,))}, {"7": NUMBERS}, keys=keys)
    with pytest.raises(ValueError, match="legacy format"):
        read(content)


@pytest.mark.parametrize(
    "changed", [{"magic": 1}, {"version": 1002}, {"machine": {"little_endian": False}}, {"machine": [1]}]
)
def test_another_format_is_refused(read, changed):
    with pytest.raises(ValueError, match=r"magic number and version|little-endian"):
        read(legacy({"w": tensor(storage("7", 24), 0, (2,), (1,))}, {"7": NUMBERS}, **changed))


@pytest.mark.parametrize("value", [5, {"w": 1}, [1], collections.OrderedDict(w=1), collections.OrderedDict({5: 6})])
def test_a_pickle_that_holds_no_tensors_by_name_is_refused(read, value):
    with pytest.raises(ValueError, match=r"it holds no tensors by name|'w' is no tensor"):
        read(legacy(pickled(value), {}))


def test_a_storage_that_is_described_in_two_ways_is_refused(read):
    two = {"a": tensor(storage("7", 24), 0, (2,), (1,)), "b": tensor(storage("7", 24, "IntStorage"), 0, (2,), (1,))}
    with pytest.raises(ValueError, match="it describes the storage '7' in two ways"):
        read(legacy(two, {"7": NUMBERS}))


def test_a_view_of_a_storage_is_refused(read):
    content = legacy({"w": tensor(storage("7", 24, view=("8", 0, 4)), 0, (2,), (1,))}, {"7": NUMBERS})
    with pytest.raises(ValueError, match="it describes a storage"):
        read(content)


# ------------------------------------------------------------------------------------------- hostile pickles


class Shell:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Evaluated(Shell):
    def __reduce__(self):
        return eval, (f"__import__('os').system({self.command!r})",)


class Opened(Shell):
    def __reduce__(self):
        return open, (self.command.split()[-1], "w")


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("kind", [Shell, Evaluated, Opened])
def test_a_pickle_that_would_run_something_is_refused_and_nothing_runs(read, tmp_path, kind, place):
    mark = tmp_path / "ran"
    evil = pickle.dumps(kind(f"touch {mark}"), 2)
    parts = [pickled(one) for one in (torch_files.MAGIC, 1001, MACHINE, collections.OrderedDict(), [])]
    with pytest.raises(ValueError, match=r"it asks for (posix|nt|__builtin__|builtins|io|_io)\.\w+, which no file"):
        read(b"".join([*parts[:place], evil, *parts[place + 1 :]]))
    assert not mark.exists()
    pickle.loads(evil)  # it is dangerous: the plain reader runs it
    assert mark.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("builtins", "getattr"), ("collections", "Counter"), ("collections", "OrderedDict.update"),
     ("torch._utils", "_rebuild_tensor"), ("torch", "load"), ("torch", "FloatStorage.from_file"),
     ("torch.nn", "FloatStorage"), ("core.networks.torch_files", "read_tensors"), ("numpy", "load")],
)  # fmt: skip
def test_names_other_than_the_known_ones_are_refused(read, module, name):
    evil = b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"."
    with pytest.raises(ValueError, match=f"it asks for {module}.{name}, which no file of weights needs"):
        read(legacy(evil, {}))


REBUILD = b"ctorch._utils\n_rebuild_tensor_v2\n"
STORE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x007X\x03\x00\x00\x00cpuK\x18NtQ"
TENSOR = REBUILD + b"(" + STORE + b"K\x00K\x02\x85K\x01\x85\x89}tR"
STATES = {"attributes": b"}X\x06\x00\x00\x00offsetJ\x00\x00\x00\x80s", "slots": b"N}X\x06\x00\x00\x00offsetK\x99s\x86"}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("made", [REBUILD, TENSOR, STORE], ids=["reader", "tensor", "storage"])
def test_a_pickle_cannot_change_what_was_checked(read, made, state):
    """BUILD sets attributes of an object without asking its class; what the reader makes has none that can be set."""
    names = b"ccollections\nOrderedDict\n)R"
    whole = b"\x80\x02" + names + b"X\x01\x00\x00\x00w" + TENSOR + b"s."
    assert read(legacy(whole, {"7": NUMBERS}))["w"].tolist() == NUMBERS[:2].tolist()
    with pytest.raises(ValueError, match="legacy format"):
        read(legacy(b"\x80\x02" + names + b"X\x01\x00\x00\x00w" + made + state + b"b" + b"s.", {"7": NUMBERS}))


def test_attributes_of_the_dictionary_do_not_hide_its_methods(read):
    names = b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb"
    found = read(legacy(b"\x80\x02" + names + b"X\x01\x00\x00\x00w" + TENSOR + b"s.", {"7": NUMBERS}))
    assert list(found) == ["w"]


def test_the_digest_is_compared_before_anything_is_read(read, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(torch_files, "_unpickled", lambda stream: asked.append(stream))
    with pytest.raises(
        ValueError, match=r"Expected a file with the SHA-256 0{64}, got .*weights\.pth with [0-9a-f]{64}"
    ):
        read(one((24,), (1,)), digest="0" * 64)
    assert asked == []


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"Expected a file of weights, got .*none\.pth, which cannot be read"):
        read_tensors(tmp_path / "none.pth", sha256="0" * 64)

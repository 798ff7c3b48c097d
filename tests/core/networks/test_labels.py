"""Files with the names of classes, in the kinds that people have: each is read, or refused in one sentence."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import core
from core.networks import labels

CAT_DOG = ("cat", "dog")


def cases(shared):
    """The files of shared/cases/label_files.py, read from its source: it also prints, which no test needs."""
    for node in ast.parse((shared / "cases" / "label_files.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "FILES":
            return eval(compile(ast.Expression(node.value), "FILES", "eval"), {"json": json, "WANTED": CAT_DOG})
    raise LookupError("FILES")


def test_every_case_of_the_shared_folder_is_read(shared):
    for name, data in cases(shared).items():
        wanted = ("chat é", "chien") if name == "western.txt" else CAT_DOG
        assert core.read_labels(data, name) == wanted, name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "cat\ndog\nelk\n\n"),
        ("a.TXT", "\ufeffcat\r\ndog\r\nelk"),
        ("a.json", '["cat", "dog", "elk"]'),
        ("a.json", '{"1": "dog", "0": "cat", "2": "elk"}'),
        ("a.json", '{"dog": 1, "cat": 0, "elk": 2}'),
        ("a.json", '{"0": ["n01", "cat"], "1": ["n02", "dog"], "2": ["n03", "elk"]}'),
        ("a.csv", "cat\ndog\nelk\n"),
        ("a.csv", "index,name\n1,dog\n0,cat\n2,elk\n"),
        ("a.csv", 'n1,"cat"\nn2,dog\nn3,elk\n'),
    ],
)
def test_labels_are_read(name, text):
    assert core.read_labels(text.encode(), name) == ("cat", "dog", "elk")


NUMBER_FORMS = [
    *["{n} {c}", "{n}: {c}", "{n}. {c}", "{n}) {c}", "{n}\t{c}", "{n}={c}", "{n} - {c}", "{n},{c}", "{n};{c}"],
    *["{c} {n}", "{c},{n}", "{c}: {n}", "{c}\t{n}", "{c}={n}", "{c} -> {n}", "class {n}: {c}"],
    *["{n} | {c}", "0{n} {c}", "'{n}': '{c}',"],
]  # fmt: skip


@pytest.mark.parametrize("suffix", ["txt", "csv", "names"])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("form", NUMBER_FORMS)
def test_a_number_beside_each_name_is_its_class_and_orders_the_names(form, first, suffix):
    names = ["polar bear", "dog", "great white shark", "7up", "elk"]
    lines = [form.format(n=first + number, c=name) for number, name in enumerate(names)]
    lines[1], lines[3] = lines[3], lines[1]
    assert core.read_labels("\n".join(lines).encode(), f"a.{suffix}") == tuple(names)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_usual_encoding_is_read(encoding, newline):
    text = newline.join(["chaton", "bélier", "Löwe", ""])
    assert core.read_labels(text.encode(encoding), "a.txt") == ("chaton", "bélier", "Löwe")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # what Python prints or holds
        ("a.txt", "{0: 'cat', 1: 'dog'}"), ("a.txt", "{'dog': 1, 'cat': 0}\n"), ("a.txt", "['cat' 'dog']"),
        ("a.txt", "['cat'\n 'dog']"), ("a.txt", "array(['cat', 'dog'], dtype='<U3')"), ("a.txt", "('cat', 'dog')"),
        ("a.py", "class_names = ['cat', 'dog']\n"), ("a.py", "labels = {0: 'cat',\n 1: 'dog',}\n"),
        ("a.txt", "dict_keys(['cat', 'dog'])"), ("a.txt", "OrderedDict([('cat', 0), ('dog', 1)])"),
        ("a.txt", "Found 20 images belonging to 2 classes.\n{'cat': 0, 'dog': 1}"),
        # JSON
        ("a.json", '[{"id": 1, "name": "dog"}, {"id": 0, "name": "cat"}]'), ("a.json", '[["cat", 0], ["dog", 1]]'),
        ("a.json", '{"categories": [{"id": 7, "name": "dog"}, {"id": 1, "name": "cat", "supercategory": "x"}]}'),
        ("a.json", '{"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}, "x": [1, 2]}'),
        ("a.json", '{"cat": {"id": 0}, "dog": {"id": 1}}'), ("a.json", '{"class_0": "cat", "class_1": "dog"}'),
        ("a.jsonl", '{"id": 0, "name": "cat"}\n{"id": 1, "name": "dog"}\n'), ("a.json", '["0 cat", "1 dog"]'),
        ("metadata.json", '{"tfjsVersion": "1.3.1", "labels": ["cat", "dog"], "imageSize": 224}'),
        ("a.json", '{"n01443537": "dog", "n01440764": "cat"}'),
        # tables
        ("a.csv", ",label\n0,cat\n1,dog\n"), ("a.csv", "ClassId,SignName\n1,dog\n0,cat\n"), ("a.csv", "cat,dog\n"),
        ("a.csv", "sep=;\nid;name\n1;dog\n0;cat\n"), ("a.csv", "idx,count,name\n0,500,cat\n1,600,dog\n"),
        ("a.csv", "name;count\ncat;500\ndog;600\n"), ("a.csv", "class_id,class_name,kind\n0,cat,animal\n1,dog,animal"),
        ("a.csv", "label,name\n0,cat\n1,dog"), ("a.csv", 'index,label\n"0","cat"\n"1","dog"\n'),
        ("a.tsv", "n01440764\tcat\nn01443537\tdog"), ("a.csv", "0\tcat\n1\tdog"), ("a.txt", "id;name\n0;cat\n1;dog"),
        ("a.csv", "wnid,name\nn01440764,cat\nn01443537,dog"),
        # lines
        ("a.txt", "n01440764 cat\nn01443537 dog"), ("map_clsloc.txt", "n01443537 2 dog\nn01440764 1 cat"),
        ("a.txt", "- cat\n- dog"), ("a.txt", "cat,\ndog,\n"), ("a.txt", "'cat',\n'dog'\n"),
        ("a.txt", "\n\ncat\n\ndog\n"),
        ("a.txt", "'cat', 'dog'"), ("a.txt", '"cat","dog"'), ("a.txt", "# the classes\ncat\ndog"), ("a.txt", "cat;dog"),
        ("a.txt", "label\ncat\ndog"), ("a.txt", "[cat, dog]"),
        # YAML, TensorFlow
        ("data.yaml", "train: ../x\nnc: 2\nnames: ['cat', 'dog']\n"), ("data.yaml", "nc: 2\nnames: [cat, dog]\n"),
        ("data.yaml", "names:\n  0: cat\n  1: dog\nnc: 2\n"), ("data.yaml", "names:\n- cat\n- dog\n"),
        ("data.yaml", "names:\n  - cat\n  - dog\nnc: 2"),
        ("label_map.pbtxt", "item {\n  id: 2\n  name: 'dog'\n}\nitem {\n  id: 1\n  name: 'cat'\n}\n"),
    ],
)  # fmt: skip
def test_the_kinds_that_people_have_are_read(name, text):
    assert core.read_labels(text.encode(), name) == CAT_DOG


@pytest.mark.parametrize(
    "text",
    [
        *["polar bear\nbrown bear", "tench, Tinca tinca\ngoldfish, Carassius", "Type 1\nType 2", "2 doors\n4 doors"],
        *["0\n1\n2", "C#\n7up\nHal 9000\n3D printer", "777-300\n747-400", "5 of hearts\n6 of hearts"],
        "no: entry\nyes: go",
        *["(none)\ncat", "[UNK]\ncat", "Speed limit (20km/h)\nSpeed limit (30km/h)", "cat", "猫\n犬", "a: b\nc"],
    ],
)  # fmt: skip
def test_names_that_only_look_like_something_else_stay_as_they_are(text):
    assert core.read_labels(text.encode(), "a.txt") == tuple(text.split("\n"))


def test_a_name_that_two_classes_share_carries_the_number_of_its_class(shared):
    assert "blight (0)" in (shared / "cases" / "duplicate_labels.py").read_text()
    assert core.read_labels(b"blight\nblight\nhealthy\n") == ("blight (0)", "blight (1)", "healthy")


@given(st.lists(st.sampled_from(["a", "a (0)", "a (1)", "a (0) (0)", "b"]), max_size=8))
def test_distinct_names_are_distinct_and_keep_those_that_were(names):
    made = labels.distinct(names)
    assert len(set(made)) == len(made) == len(names)
    assert all(new == old for new, old in zip(made, names, strict=True) if names.count(old) == 1)
    assert all(new.startswith(old) for new, old in zip(made, names, strict=True))


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"\xff\xfe\x00", "a.txt", "none of these"),
        (b"{nonsense", "a.json", "none of these"),
        (b'{"a": ["b"]}', "a.json", "none of these"),
        (b"7", "a.json", "none of these"),
        (b"", "a.txt", "has none"),
        (b"", "a.csv", "none of these"),
        (b"a\x00b", "a.txt", "has none"),
        (bytes(5 * 2**20), "a.txt", "at most 4 MB"),
        (b"0: cat\n2: dog", "a.txt", "a name for each class in a.txt, got none for number 1"),
        (b"0: cat\n0: dog", "a.txt", "got two names for number 0"),
        (b'{"5": "cat", "6": "dog"}', "a.json", "begin at 5 instead of 0 or 1"),
        (b'{"cat": 0, "cat": 1}', "a.json", "got 'cat' twice"),
        (b"id,name\n0,cat\n2,dog", "a.csv", "got none for number 1"),
        (b'{"cat": "Katze", "dog": "Hund"}', "a.json", "none of these"),
        (b"<!DOCTYPE html><html></html>", "a.txt", "none of these"),
        (b"PK\x03\x04", "a.csv", "an Excel workbook"),
        (b"\x80\x04\x95", "labels.pkl", "a pickle, which may run any code"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", "a picture"),
        (b"{'cat', 'dog'}", "a.txt", "none of these"),
        (b"[" * 100_000 + b"]" * 100_000, "a.json", "none of these"),
        (b"[" * 100_000 + b"]" * 100_000, "a.txt", "none of these"),
    ],
)
def test_bad_labels_get_one_sentence(data, name, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.read_labels(data, name)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300


FILE_NAMES = st.sampled_from(["a.txt", "a.csv", "a.json", "a.yaml", "a.pbtxt", "a"])
PIECES = st.sampled_from(
    [
        *"{}[]()\"',;:=\t\n\r 019-|#\ufeff\u2028é",
        *("cat", "names:", "item {", "id: 1", "0: ", "null", "true", "n01440764", "name: 'x'", "id;name", "sep=;\n"),
        *("1e400", "array(", "labels = "),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=80), st.lists(PIECES, max_size=24).map("".join).map(str.encode)), FILE_NAMES)
@example(b"[1e400]", "a.json")
@example(b"{1: {}}", "a.txt")
def test_whatever_the_bytes_are_they_give_distinct_names_or_a_sentence(data, name):
    try:
        found = core.read_labels(data, name)
    except ValueError as error:
        assert str(error).startswith("Expected") and "\n" not in str(error)
    else:
        assert found and len(set(found)) == len(found)
        assert all(label and label == " ".join(label.split()) for label in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abcdefgh XYZ_-", min_size=1, max_size=12).map(str.strip).filter(lambda t: t.strip("-_ ")),
                min_size=2, max_size=20, unique=True))  # fmt: skip
def test_names_come_back_from_json_python_and_numbered_lines(names):
    names = [" ".join(name.split()) for name in names]
    expected = labels.distinct(names)
    for written, file in (
        (json.dumps(names), "a.json"),
        (json.dumps(dict(enumerate(names))), "a.json"),
        (repr(names), "a.txt"),
        (repr(dict(enumerate(names))), "a.txt"),
        ("\n".join(f"{number}: {name}" for number, name in enumerate(names)), "a.txt"),
    ):
        assert core.read_labels(written.encode(), file) == expected


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ("猫", "狗", "汽车")),
        ("gbk", ("健康", "锈病 rust", "叶斑病")),
        ("gb18030", ("苹果", "香蕉")),
        ("shift_jis", ("ねこ", "いぬ")),
        ("shift_jis", ("りんご", "バナナ", "自動車")),
        ("shift_jis", ("猫 cat", "犬 dog", "くるま car")),
        ("cp1252", ("Äpfel", "Öl", "Übergröße", "Maß")),
        ("cp1252", ("été", "forêt", "crème brûlée", "créée")),
        ("cp1252", ("coração", "não", "maçãs")),
        ("cp1252", ("niño", "año", "“cat”", "dog’s")),
    ],
)
def test_text_of_older_systems_is_read_as_it_was_written(encoding, names):
    assert core.read_labels("\r\n".join(names).encode(encoding)) == names
    assert core.read_labels(json.dumps(list(names), ensure_ascii=False).encode(encoding), "a.json") == names

"""The scripts of ../shared/cases as they are: what they print is right. Other cases of each kind are beside."""

from __future__ import annotations

import re
import runpy
import sys

import keras
import pytest
from keras import layers as L  # noqa: N812

from core.networks import files, saved_models

PICTURES = ["float.tif", "from_the_web.jfif", "grey16.png", "gtsrb.ppm", "microscope_rgb.tif", "old.bmp", "phone.avif"]
PICTURES += ["xray12.tif", "xray12_in_16.png"]


@pytest.fixture
def said(shared, tmp_path, monkeypatch, capsys):
    """What a script prints. Files are opened without the child process, which has tests of its own."""

    def tried(box, file, memory):
        if box.kind == "keras":
            saved_models.check_archive(box.path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        try:
            runpy.run_path(str(shared / "cases" / f"{name}.py"))
        finally:
            keras.backend.set_image_data_format("channels_last")
        return capsys.readouterr().out

    monkeypatch.setattr(files, "_tried", tried)
    return run


def lines(text, word):
    """The file's name and the rest of every line that begins with a word."""
    return dict(re.findall(rf"^{word} +(\S+)(.*)$", text, re.MULTILINE))


def test_label_files(said):
    text = said("label_files")
    assert text.count("right ") == 14 and "WRONG" not in text


def test_pictures(said, tmp_path):
    text = said("pictures", tmp_path)
    assert sorted(lines(text, "opens")) == PICTURES
    assert all(rest.strip() == "from 0.0 to 1.0" for rest in lines(text, "opens").values())
    assert list(lines(text, "refused")) == ["phone.heic"] and "a HEIC picture" in text


def test_one_sigmoid_has_two_classes_that_can_be_explained(said, tmp_path):
    text = said("sigmoid_one_unit", tmp_path / "net.keras")
    cat, dog = (eval(one) for one in re.findall(r"^(?:cat|dog) (\{.*\})$", text, re.MULTILINE))
    for method in ("gradient", "gradient_input", "integrated", "smooth", "occlusion", "grad_cam_plus"):
        assert cat[method] == pytest.approx(dog[method], rel=0.5) and cat[method] > 0
    assert all(float(spread) > 0.03 for spread in re.findall(r"spread of its pixels ([\d.]+)", text))
    assert "answer [[('cat', 0.88" in text


def test_numbers_are_no_classes(said, tmp_path):
    text = said("one_linear_unit", tmp_path)
    for name, label in (("age", "years"), ("binary_logit", "number"), ("steering", "angle")):
        assert re.search(rf"^{name}\.keras \('{label}',\)", text, re.MULTILINE)
    assert "age_and_sex.keras ('class 0', 'class 1')" in text and "1.0)" not in text


def test_two_classes_of_one_name_are_told_apart(said, tmp_path):
    text = said("duplicate_labels", tmp_path)
    assert "it answers class 1 'blight (1)' ; found by its name: 1" in text


def test_boxes_and_names(said, tmp_path):
    x = keras.Input((20, 24, 3))
    y = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(x))
    keras.Model(x, L.Dense(2, activation="softmax")(y)).save(tmp_path / "net.h5")
    (tmp_path / "made").mkdir()
    text = said("containers", tmp_path / "net.h5", tmp_path / "made")
    assert sorted(lines(text, "opens")) == [
        "UPPER.H5",
        "converted_keras.zip",
        "hdf5_named.keras",
        "mask_detector.model",
    ]
    refused = lines(text, "refused")
    assert sorted(refused) == ["network.tflite", "pointer.h5", "saved_model.zip"]
    wanted = {"network.tflite": "TensorFlow Lite", "pointer.h5": "git lfs pull", "saved_model.zip": "a SavedModel"}
    assert all(word in refused[name] for name, word in wanted.items())


def test_inputs_and_layers(said, tmp_path):
    text = said("input_shapes", tmp_path)
    opens, refused = lines(text, "opens"), lines(text, "refused")
    assert sorted(refused) == ["channels_first.keras", "rgba.keras"] and len(opens) == 6
    for name in ("patches", "attended", "multi_head_attention", "layer_normalization"):
        assert f"'{name}" in opens["vit.keras"]
    assert "held_right" in opens["twins.keras"] and "labels 2" in opens["twins.keras"]

import numpy as np
import pytest
from PIL import Image

import core
from core import zoo


def test_available_names_networks_best_for_a_newcomer_first():
    names = core.available()
    assert names[0] == "lens5_standard"
    orders = [core.card(name)["order"] for name in names]
    assert orders == sorted(orders)


def test_the_order_is_that_of_the_cards(tmp_path, monkeypatch):
    for name, order in (("b", 2), ("c", 1), ("a", 2)):
        (tmp_path / f"{name}.json").write_text(f'{{"order": {order}}}')
    monkeypatch.setattr(zoo, "BUNDLED", tmp_path)
    assert core.available() == ("c", "a", "b")


@pytest.mark.parametrize("ask", [core.load, core.card])
@pytest.mark.parametrize("name", ["lens6", "", "../bundled/lens5_standard"])
def test_an_unknown_name_names_the_choices(ask, name):
    with pytest.raises(ValueError, match=f"There is no network '{name}'; there is lens5_standard"):
        ask(name)


def test_a_loaded_network_is_a_new_one_each_time_and_says_the_same():
    one, two = core.load(core.available()[0]), core.load(core.available()[0])
    photo = core.samples.load("cat")
    assert one is not two and one.network is not two.network
    assert core.predict(one, photo) == core.predict(two, photo)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (0, 1)])
def test_pictures_reach_the_network_in_the_range_that_its_card_names(low, high, monkeypatch):
    card = core.card("lens5_standard") | {"pixels": {"low": low, "high": high}}
    monkeypatch.setattr(zoo, "card", lambda name: card)
    net = core.load("lens5_standard")
    ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_allclose(net.preprocess(ramp), low + ramp * (high - low), rtol=1e-6)


def test_load_runs_at_any_picture_size():
    net = core.load(core.available()[0])
    layer = core.stages(net)[-1].layer
    picture = np.asarray(Image.new("RGB", (101, 67), "teal"), np.float32)[None] / 255
    assert core.activations(net, picture, [layer])[layer].shape[:3] == (1, 67 // 16, 101 // 16)

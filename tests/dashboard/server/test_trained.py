"""Networks that were trained here: for who trained them and who was given their address, and bounded by bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import core
from dashboard.server import labelled, networks, sets, trained, uploads


@pytest.fixture(scope="module")
def frame() -> core.TrainingFrame:
    digits = core.digits()
    few = replace(digits, pixels=digits.pixels[:128], labels=digits.labels[:128])
    return list(core.memorize(few, "random_labels", epochs=1, width=4))[-1]


@pytest.fixture(autouse=True)
def forget():
    yield
    trained.TRAINED.forget()
    networks.NETWORKS.forget(lambda key: str(key).startswith("trained-"))


def test_is_built_anew_and_answers_as_it_did(frame: core.TrainingFrame) -> None:
    name = trained.put("settings", frame, "A *memorizer*", "core.last(...)")
    pictures = core.digits().pictures[:20]
    expected = core.logits_of(frame.classifier, pictures)
    for _ in range(2):
        np.testing.assert_allclose(core.logits_of(networks.network(name), pictures), expected, atol=1e-5)
        networks.NETWORKS.forget(lambda key: key == name)
    assert networks.network_title(name) == "A *memorizer*" and networks.loading(name) == "core.last(...)"
    assert networks.network(name).network is not frame.classifier.network, "what is kept is its weights"


def test_an_address_of_a_network_that_is_gone_says_so(frame: core.TrainingFrame) -> None:
    name = trained.put("settings", frame, "", "")
    assert networks.missing(name) == networks.missing(core.available()[0]) == networks.missing(None) == ""
    trained.TRAINED.forget()
    assert "no longer here" in networks.missing(name) and "Train it again" in networks.missing(name)
    assert "no longer here" in networks.missing("own-0123456789abcdef")
    assert networks.missing("own-<b>") == ""


def test_settings_and_epoch_tell_networks_apart(frame: core.TrainingFrame) -> None:
    names = {
        trained.put("a", frame, "", ""),
        trained.put("b", frame, "", ""),
        trained.put("a", replace(frame, epoch=2), "", ""),
    }
    assert len(names) == 3 and trained.put("a", frame, "", "") in names


def test_stays_while_somebody_uses_it_and_goes_when_room_is_needed(frame, people, monkeypatch) -> None:
    from dashboard.server import memory

    monkeypatch.setattr(trained, "ROOM", int(2.5 * memory.weigh(frame)))
    people.be("she")
    first = trained.put("1", frame, "", "")
    people.be("he")
    second = trained.put("2", frame, "", "")
    with pytest.raises(ValueError, match="full of other people's"):
        trained.put("3", frame, "", "")
    people.gone.add("she")
    third = trained.put("3", frame, "", "")
    assert trained.get(first) is None and trained.get(second) and trained.get(third)


def test_a_folder_with_a_folder_for_each_class_can_be_trained_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    rng = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / kind).mkdir()
        for number in range(4):
            picture = rng.random((20, 30, 3), dtype=np.float32)
            (tmp_path / kind / f"{number}.png").write_bytes(core.encode_png(picture))
    name = sets.bring_set(str(tmp_path), "Pets")
    try:
        found = labelled.labelled(name)
        assert name in labelled.labelled_names() and labelled.labelled_title(name) == found.title == "Pets"
        assert found.names == ("cats", "dogs") and len(found) == 6 and found.size == (16, 16)
        with pytest.raises(ValueError, match="no longer here"):
            labelled.labelled("0" * 24)
    finally:
        uploads.BROUGHT.forget(name)
        labelled.labelled.clear()


def test_is_closed_when_who_trained_it_has_left_and_may_be_opened_again(frame, people) -> None:
    people.be("she")
    name = trained.put("settings", frame, "", "")
    networks.network(name)
    networks.drop_trained()
    assert networks.is_open(name), "she is here"
    people.gone.add("she")
    networks.drop_trained()
    assert not networks.is_open(name) and trained.get(name) is not None

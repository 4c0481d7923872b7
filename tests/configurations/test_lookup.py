from __future__ import annotations

import json
import sys

import pytest
from support.faulty import FaultyConfig
from support.models import tiny_bert

from hfbench_nb import ArgumentError, ModelNotFoundError
from hfbench_nb.configurations import catalog, lookup
from hfbench_nb.configurations.lookup import find_models

pytestmark = [pytest.mark.measures, pytest.mark.usefixtures("no_hub"), pytest.mark.quick]


def test_old_and_new_spelling_name_the_same_checkpoint():
    old, new = find_models(["bert-base-uncased", "google-bert/bert-base-uncased"])
    assert old.config == new.config
    assert (old.source, old.family) == ("catalogue", "bert")


def test_a_directory_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text('{"model_type": "bert", "hidden_size": 7}')
    (spec,) = find_models(["gpt2"])
    assert (spec.source, spec.config["hidden_size"]) == ("directory", 7)


def test_the_hugging_face_cache_comes_before_the_catalogue(tmp_path, monkeypatch):
    import huggingface_hub

    snapshot = tmp_path / "models--gpt2" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "gpt2", "n_layer": 3}')
    (tmp_path / "models--gpt2" / "refs").mkdir()
    (tmp_path / "models--gpt2" / "refs" / "main").write_text("abc")
    real = huggingface_hub.try_to_load_from_cache
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda name, file: real(name, file, cache_dir=tmp_path)
    )
    (spec,) = find_models(["gpt2"])
    assert (spec.source, spec.config["n_layer"]) == ("cache", 3)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model_type": 3}', "\x00"])
def test_a_broken_config_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ArgumentError, match=r"config\.json"):
        find_models([str(tmp_path)])


def test_an_unknown_name_suggests_close_ones():
    with pytest.raises(ModelNotFoundError, match=r"'bert-base-uncase' is not .* Did you mean .*bert-base-uncased"):
        find_models(["bert-base-uncase"])


def test_the_hub_is_not_asked_when_it_does_not_answer():
    with pytest.raises(ModelNotFoundError):
        find_models(["somebody/something"])


def test_a_server_that_is_not_there_does_not_answer(monkeypatch):
    monkeypatch.undo()
    assert not lookup._answers("http://127.0.0.1:9")


def test_configs_must_fit_the_names():
    with pytest.raises(ArgumentError, match="configs has 1 configurations and models has 2 names"):
        find_models(["a", "b"], [tiny_bert()])
    with pytest.raises(ArgumentError, match=r"configs \(for 'a'\)=3 cannot be used"):
        find_models(["a"], [3])
    with pytest.raises(ArgumentError, match="configs is of type BertConfig: it must be a list of configurations"):
        find_models(["a"], tiny_bert())


def test_a_configuration_of_transformers_travels_as_json():
    (spec,) = find_models(["a"], [tiny_bert(num_hidden_layers=3)])
    assert (spec.pickled, spec.family, spec.config["num_hidden_layers"]) == (
        None,
        "transformers.models.bert.configuration_bert",
        3,
    )
    json.dumps(spec.config)


def test_a_configuration_of_the_users_own_travels_with_its_model():
    (spec,) = find_models(["a"], [FaultyConfig()])
    assert spec.pickled is not None
    assert spec.family == ""


def test_every_checkpoint_has_what_the_list_shows():
    names = [name for checkpoint in catalog.checkpoints() for name in (checkpoint.name, *checkpoint.aliases)]
    assert len(names) == len(set(names))
    for checkpoint in catalog.checkpoints():
        assert checkpoint.parameters > 0
        assert catalog.find_config(checkpoint.name)["model_type"]


def test_looking_a_name_up_loads_no_framework():
    import subprocess

    load = "from hfbench_nb.configurations.lookup import find_model"
    code = f"import sys; {load}; find_model('gpt2'); print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"

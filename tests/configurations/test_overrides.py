"""Variants of models, by overrides in their names."""

from __future__ import annotations

import json

import pytest
from support.models import short
from support.tiny import TINY
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from hfbench_nb import ArgumentError, ModelNotFoundError, PyTorchBenchmark
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.configurations.overrides import apply_overrides, class_keys, join_name, parse_overrides, split_name

pytestmark = [pytest.mark.measures, pytest.mark.usefixtures("no_hub"), pytest.mark.quick]


@pytest.fixture
def folder(model):
    return model


def test_a_variant_has_the_configuration_with_its_settings_replaced():
    spec = find_model("google-bert/bert-base-uncased:num_hidden_layers=6,hidden_size=384")
    assert spec.name == "google-bert/bert-base-uncased:num_hidden_layers=6,hidden_size=384"
    assert (spec.source, spec.checkpoint) == ("catalogue", "google-bert/bert-base-uncased")
    assert spec.overrides == {"num_hidden_layers": 6, "hidden_size": 384}
    original = find_model("google-bert/bert-base-uncased").config
    assert spec.config == {**original, **spec.overrides}
    assert original["num_hidden_layers"] == 12


@pytest.mark.parametrize(
    ("name", "given", "key"),
    [
        ("gpt2", "num_hidden_layers", "n_layer"),
        ("distilbert-base-uncased", "num_hidden_layers", "n_layers"),
        ("Qwen/Qwen3-30B-A3B", "num_experts", "num_experts"),  # mapped to no key in Transformers 5
    ],
)
def test_a_key_may_have_the_name_that_other_models_give_it(name, given, key):
    assert find_model(f"{name}:{given}=3").overrides == {key: 3}


def test_a_part_of_the_configuration_is_reached_by_a_dot():
    spec = find_model("openai/clip-vit-base-patch32:text_config.num_hidden_layers=2")
    assert spec.config["text_config"]["num_hidden_layers"] == 2
    assert spec.config["text_config"]["hidden_size"] == 512


@pytest.mark.parametrize(
    ("layers", "types", "others"), [(2, "ss", "ab"), (7, "sssfsss", "abbbbbb"), (11, "sssfsssfsss", "abbbbbbcabb")]
)
def test_lists_with_an_entry_for_each_layer_follow_their_number(folder, layers, types, others):
    held = {"layer_types": list("sssfsssf"), "no_rope_layers": list("abbbbbbc"), "layer_ids": [1, 2]}
    (folder / "config.json").write_text(json.dumps({**TINY["bert"], "num_hidden_layers": 8, **held}))
    config = find_model(f"{folder}:num_hidden_layers={layers}").config
    assert config == {
        **TINY["bert"], "num_hidden_layers": layers, "layer_types": list(types), "no_rope_layers": list(others),
        "layer_ids": [1, 2],
    }  # fmt: skip


def test_a_key_that_only_the_class_knows_may_be_overridden():
    config = find_model("distilbert-base-uncased").config
    assert "sinusoidal_pos_embds" in class_keys("distilbert")[0]
    assert find_model("distilbert-base-uncased:qa_dropout=0.3").config == {**config, "qa_dropout": 0.3}
    # A type whose class is in the file of another.
    assert find_model("google/gemma-3-270m:use_bidirectional_attention=true").overrides == {
        "use_bidirectional_attention": True
    }
    assert "use_bidirectional_attention" not in class_keys("gemma3")[0]
    assert class_keys("gemma3_nonsense") == class_keys("nonsense") == ({}, {})


def test_a_key_of_a_part_is_named_with_its_part():
    with pytest.raises(ArgumentError, match=r"Did you mean (text_config|vision_config)\.num_hidden_layers"):
        find_model("google/gemma-3-4b-it:num_hidden_layers=2")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            "num_hidden_layerss=6",
            r"'num_hidden_layerss' cannot be overridden in 'gpt2'.* Did you mean num_hidden_layers",
        ),
        ("text_config.n_layer=6", "'text_config' cannot be overridden in 'gpt2'"),
        ("model_type=bert", "'model_type' cannot be overridden"),
        ("architectures=x", "'architectures' cannot be overridden"),
        ("n_layer=6.5", r"n_layer=6\.5 cannot be used in 'gpt2': n_layer must be a whole number"),
        ("n_layer=-1", r"n_layer=-1 cannot be used in 'gpt2': n_layer must be a whole number of at least 0\."),
        ("num_hidden_layers=-1", "num_hidden_layers must be a whole number of at least 0"),
        ("n_head=-12", "n_head must be a whole number of at least 0"),
        ("vocab_size=-1", "vocab_size must be a whole number of at least 0"),
        ("n_layer=true", "n_layer must be a whole number"),
        ("n_layer=six", "n_layer must be a whole number"),
        ("use_cache=maybe", "use_cache must be true or false"),
        ("attn_pdrop=much", "attn_pdrop must be a number"),
        ("activation_function=3", "activation_function must be a text"),
        ("n_layer=", "must be of the form key=value"),
        ("n_layer=6,", "must be of the form key=value"),
        ("n_layer=6,,n_head=4", "must be of the form key=value"),
        ('activation_function="gelu', "must be of the form key=value"),
        ("n_layer=6,n_layer=7", "name n_layer twice"),
    ],
)
def test_an_override_that_cannot_be_used_is_named(overrides, said):
    with pytest.raises(ArgumentError, match=said):
        find_model(f"gpt2:{overrides}")


@pytest.mark.parametrize(
    ("config", "override"),
    [
        ({"model_type": "bert", "vocab_size": 9}, {"pad_token_id": -1}),
        ({"model_type": "llava"}, {"vision_feature_layer": -3}),
        ({"model_type": "deberta-v2"}, {"max_relative_positions": -1}),
        ({"model_type": "bert", "num_images": -1}, {"num_images": -2}),  # it has a negative one already
        ({"model_type": "bert", "window_size": 4}, {"window_size": -1}),
    ],
)
def test_what_may_be_negative_is_accepted(config, override):
    assert apply_overrides(config, override, "any").items() >= override.items()


def test_no_class_has_a_negative_count_of_its_own_that_is_refused():
    for model_type in CONFIG_MAPPING_NAMES:
        keys, _ = class_keys(model_type)
        for key, value in keys.items():
            if isinstance(value, int) and not isinstance(value, bool):
                assert value in apply_overrides({"model_type": model_type}, {key: value}, "any").values()


def test_lists_and_parts_are_not_overridden_as_a_whole(folder):
    (folder / "config.json").write_text(json.dumps({**TINY["bert"], "id2label": {"0": "a"}, "kernels": [1, 2]}))
    for key in ("id2label", "kernels"):
        with pytest.raises(ArgumentError, match=f"'{key}' cannot be overridden in .*: it is not a single value"):
            find_model(f"{folder}:{key}=1")


def test_a_whole_number_is_a_number():
    assert find_model("gpt2:attn_pdrop=0").overrides == {"attn_pdrop": 0}


@pytest.mark.parametrize("setting", ["n_layer", "6", "n_layer 6"])
def test_an_override_without_a_value_is_told_as_that(setting):
    message = f"models: 'gpt2:{setting}' gives '{setting}' no value: .* as in gpt2:num_hidden_layers=6"
    with pytest.raises(ModelNotFoundError, match=message):
        find_model(f"gpt2:{setting}")


def test_an_unknown_model_is_named_without_its_overrides():
    with pytest.raises(ModelNotFoundError, match="models: 'gpt3' is not a directory.* Did you mean gpt2"):
        find_model("gpt3:n_layer=6")


def test_a_folder_of_the_whole_name_comes_first(folder, tmp_path):
    odd = tmp_path / "model:num_hidden_layers=1"
    odd.mkdir()
    (odd / "config.json").write_text(json.dumps({**TINY["bert"], "num_hidden_layers": 5}))
    assert find_model(str(odd)).config["num_hidden_layers"] == 5
    assert find_model(f"{odd}:num_hidden_layers=4").config["num_hidden_layers"] == 4


def test_the_folder_of_a_variant_is_that_of_its_model(folder):
    assert find_model(f"{folder}:num_hidden_layers=1").folder == str(folder)


@pytest.mark.parametrize("name", [r"C:\models\bert", "http://x/y", "a:b", "a=b", "a:b/c=d:e", ":a=1"])
def test_other_colons_are_part_of_the_name(name):
    assert split_name(name) == (name, "")


@pytest.mark.parametrize("name", ["gpt2:n_layer=6", r"C:\models\bert:a=1,b.c=x", "a:b=c:d=e"])
def test_a_name_is_split_and_joined(name):
    base, overrides = split_name(name)
    assert overrides
    assert join_name(base, overrides) == name


def test_values_are_scalars_of_json_or_texts():
    assert parse_overrides('a=1, b=1.5,c=true,d=None,e=gelu,f="x,y=z",g="2"') == {
        "a": 1, "b": 1.5, "c": True, "d": None, "e": "gelu", "f": "x,y=z", "g": "2",
    }  # fmt: skip


def test_a_variant_may_have_variants():
    spec = find_model(join_name("gpt2:num_hidden_layers=6", " n_head = 4 "))
    assert (spec.name, spec.checkpoint) == ("gpt2:num_hidden_layers=6:n_head=4", "gpt2")
    assert spec.overrides == {"n_layer": 6, "n_head": 4}


def test_a_variant_is_measured_as_what_it_is(folder):
    results = PyTorchBenchmark(short(models=[str(folder), f"{folder}:hidden_size=256"], speed=False)).run()
    frame = results.frame.set_index("model")
    assert list(frame["status"]) == ["ok", "ok"]
    assert list(frame.index) == [str(folder), f"{folder}:hidden_size=256"]
    assert frame["weights_mb"].iloc[1] > frame["weights_mb"].iloc[0]

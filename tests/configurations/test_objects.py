"""What a configuration object holds arrives in the worker."""

from __future__ import annotations

import dataclasses
import threading
import warnings

import pytest
from support.models import short, tiny_bert
from support.shrinking import shrink
from transformers import CONFIG_MAPPING

from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.configurations.objects import same_state, spec_of
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends.model_classes import make_config

pytestmark = [pytest.mark.measures, pytest.mark.quick]


def default_configs():
    """Yield the default configuration of every type that has one and needs no network for it."""
    for model_type in CONFIG_MAPPING:
        if model_type.startswith("edgetam"):
            continue  # asks the hub
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                config = CONFIG_MAPPING[model_type]()
            except Exception:
                continue  # it has none
        yield model_type, config


def test_every_type_of_transformers_arrives_as_it_was():
    changed, pickled, seen = [], [], 0
    for model_type, config in default_configs():
        config._attn_implementation = "eager"  # of all its parts
        config.something_of_mine = {"a": (1, 2.5)}
        spec = spec_of("a", config)
        arrived, _ = make_config(ModelSpec(**dataclasses.asdict(spec)))
        seen += 1
        if not same_state(config, arrived):
            changed.append(model_type)
        if spec.pickled is not None:
            pickled.append(model_type)
    assert not changed
    assert seen > 350
    assert len(pickled) < 0.2 * seen, pickled  # the others travel to other versions of Transformers, too


def test_a_part_keeps_its_own_attention():
    config = CONFIG_MAPPING["llava"]()
    config.text_config._attn_implementation = "eager"
    spec = spec_of("a", config)
    arrived, _ = make_config(spec)
    assert arrived.text_config._attn_implementation == "eager"
    assert arrived.vision_config._attn_implementation is None


def test_what_differs_is_seen():
    one, other = tiny_bert(), tiny_bert()
    assert same_state(one, other)
    other._attn_implementation = "eager"
    assert not same_state(one, other)
    assert not same_state(tiny_bert(), tiny_bert(hidden_dropout_prob=0.3))
    assert not same_state(tiny_bert(), shrink(CONFIG_MAPPING["gpt2"]))


def test_an_object_that_cannot_be_sent_is_refused():
    config = tiny_bert()
    config.lock = threading.Lock()
    with pytest.raises(ArgumentError, match=r"configs \(for 'a'\): what this BertConfig holds cannot be sent"):
        spec_of("a", config)
    with pytest.raises(ArgumentError, match=r"configs \(for 'a'\)=.* must be a PretrainedConfig"):
        spec_of("a", type(config))


def test_a_pickled_object_is_not_read_by_another_version():
    config = tiny_bert()
    config.num_attention_heads = 4
    config._held = object()
    spec = spec_of("a", config)
    assert spec.pickled is not None
    foreign = dataclasses.replace(spec, config={**spec.config, "transformers_version": "4.0.0"})
    with pytest.raises(ValueError, match=r"this BertConfig of Transformers 4\.0\.0 holds what its"):
        make_config(foreign)


def test_the_attention_that_an_object_holds_is_measured():
    configs = [tiny_bert(), tiny_bert(attn_implementation="eager")]
    results = PyTorchBenchmark(short(models=["a", "b"], memory=False), configs=configs).run()
    assert list(results.frame["attn_implementation"]) == ["sdpa", "eager"]


@pytest.mark.parametrize("model_type", ["dbrx", "mlcd", "lfm2_vl", "timesfm"])
def test_valid_objects_are_built_that_no_dictionary_describes(model_type):
    args = short(models=["a"], memory=False, sequence_lengths=[16])
    results = PyTorchBenchmark(args, configs=[shrink(CONFIG_MAPPING[model_type])]).run()
    (error,) = results.frame["error"]
    assert not any(text in error for text in ("Unrecognized", "unknown kwargs", "TypeError")), error

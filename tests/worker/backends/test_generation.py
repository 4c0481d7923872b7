"""Generation in the worker: the real generate, how many tokens it writes, what it keeps, and what cannot generate."""

from __future__ import annotations

import pytest
import torch
import transformers
from support import workloads
from support.tiny import POSITIONS, tiny
from transformers import GenerationConfig

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends import pytorch_generation
from hfbench_nb.worker.workloads.generation import Generation

pytestmark = pytest.mark.measures

BATCH, LENGTH, NEW = 2, 8, 5


def prepared(model_type, *, length=LENGTH, new_tokens=NEW, cache=None, architecture=None, settings=None, **more):
    """Prepare a case, make the call by which memory is read, and return what is known then."""
    settings = {"new_tokens": new_tokens, "cache_implementation": cache, **(settings or {})}
    runtime = workloads.open_runtime("PyTorch", settings)
    case = Case("PyTorch", model_type, "generation", BATCH, length, Settings(settings))
    workload = Generation(case, ModelSpec(model_type, tiny(model_type, architecture, **more), "test"))
    with runtime.hear() as heard:
        made = workload.prepare(runtime)
        made.phases.call(lambda: None)
    return made, runtime, heard


def written(model, made):
    """Return the ids that one more call returns."""
    returned = []
    generate = model.generate
    model.generate = lambda **given: returned.append(generate(**given))
    try:
        made.call()
    finally:
        del model.generate
    return returned[0]


@pytest.mark.parametrize(
    ("model_type", "more"),
    [
        ("gpt2", {"eos_token_id": None}),
        ("llama", {"eos_token_id": list(range(100))}),  # whatever it writes would end the text
        ("qwen3", {"eos_token_id": 5}),
        ("mixtral", {}),
        ("gemma2", {}),
        ("mistral", {"sliding_window": 4}),
        ("mamba", {}),
        ("bart", {"forced_eos_token_id": 2, "num_beams": 4, "no_repeat_ngram_size": 3}),
        ("t5", {}),
        ("whisper", {}),
        ("llava", {}),
        ("vision-encoder-decoder", {}),
    ],
)
def test_exactly_as_many_tokens_as_asked_for_are_written_to_every_text(model_type, more):
    made, _, _ = prepared(model_type, **more)
    ids = written(made.model, made)
    parts = made.parts(1)
    assert len(parts["ttft_s"]) == len(parts["tpot_s"]) == 1
    assert len(parts["itl_s"]) == NEW - 1
    assert sum(parts["itl_s"]) == pytest.approx(parts["tpot_s"][0] * (NEW - 1), abs=1e-8)
    inputs = made.details["inputs"]
    # An encoder-decoder returns its start token, or its prompt, before what it has written; Whisper leaves these out.
    before = {"bart": 1, "t5": 1, "whisper": 0, "vision-encoder-decoder": 9}.get(model_type)
    expected = inputs["input_ids"][1] if before is None else before
    assert list(ids.shape) in ([BATCH, expected + NEW], [BATCH, LENGTH + NEW])


@pytest.mark.parametrize("model_type", ["gpt2", "llama", "qwen3"])
def test_the_tokens_are_those_of_a_loop_written_by_hand(model_type):
    made, _, _ = prepared(model_type)
    ids = written(made.model, made)
    with torch.no_grad():
        by_hand = ids[:, :LENGTH]
        out = made.model(by_hand, use_cache=True)
        for step in range(NEW):
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            by_hand = torch.cat([by_hand, token], dim=1)
            if step < NEW - 1:
                out = made.model(token, past_key_values=out.past_key_values, use_cache=True)
    assert torch.equal(ids, by_hand)


@pytest.mark.parametrize("cache", ["dynamic", "static"])
@pytest.mark.parametrize(("dtype", "item_bytes"), [("float32", 4), ("bfloat16", 2)])
def test_the_cache_has_the_size_that_follows_from_the_configuration(cache, dtype, item_bytes):
    for model_type, kv_heads, head_size in (("gpt2", 2, 16), ("llama", 1, 16), ("qwen3", 1, 16)):
        made, runtime, _ = prepared(model_type, cache=cache, settings={"dtype": dtype})
        # The last token is not read: nothing follows it.
        tokens = LENGTH + NEW - 1
        layers = made.model.config.num_hidden_layers
        wanted_bytes = 2 * layers * BATCH * kv_heads * head_size * tokens * item_bytes
        assert made.metrics()["kv_cache_mb"] * MEGABYTE == wanted_bytes
        assert "cache_implementation" not in runtime.resolved


def test_states_and_the_caches_of_encoders_count_too():
    mamba, runtime, _ = prepared("mamba")
    config = mamba.model.config
    state = config.intermediate_size * (config.state_size + config.conv_kernel)
    assert mamba.metrics()["kv_cache_mb"] * MEGABYTE == config.num_hidden_layers * BATCH * state * 4
    t5, runtime, _ = prepared("t5")
    own, read = NEW, LENGTH  # the start token and all that was written but the last; what the encoder has read
    assert t5.metrics()["kv_cache_mb"] * MEGABYTE == 2 * 2 * BATCH * 2 * 16 * (own + read) * 4
    assert runtime.resolved["cache_implementation"] == "dynamic"


def test_a_sliding_window_bounds_the_cache():
    (wide, *_), (narrow, *_) = (prepared("mistral", sliding_window=window) for window in (64, 4))
    assert narrow.metrics()["kv_cache_mb"] < wide.metrics()["kv_cache_mb"]


def test_a_cache_that_cannot_be_found_is_told(monkeypatch):
    monkeypatch.setattr(pytorch_generation, "CACHE_NAMES", ())
    made, _, heard = prepared("gpt2")
    assert made.metrics() == {}
    assert heard == ["kv_cache_mb: GPT2LMHeadModel keeps its cache where it cannot be read, or has none"]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"model_type": "bert"}, NotImplementedError, "reads its text from both sides; is_decoder=True"),
        ({"model_type": "distilbert"}, NotImplementedError, "cannot generate text"),
        ({"model_type": "vit"}, NotImplementedError, "cannot generate text"),
        ({"model_type": "gpt2", "length": POSITIONS - NEW + 1}, ValueError, "with new_tokens 5 are beyond the 64"),
        ({"model_type": "bart", "length": POSITIONS + 1}, ValueError, "sequence_length 65 is beyond the 64"),
        ({"model_type": "bart", "new_tokens": POSITIONS}, ValueError, "the start token with new_tokens 64 are beyond"),
        ({"model_type": "mamba", "cache": "static"}, ValueError, "static"),
        ({"model_type": "xlnet", "cache": "static"}, ValueError, "has no such cache, but a state of its own"),
        ({"model_type": "gpt2", "cache": "magnetic"}, ValueError, "knows dynamic, "),
        ({"model_type": "gpt2", "settings": {"torchscript": True}}, NotImplementedError, "torchscript=True"),
    ],
)
def test_what_cannot_be_generated_has_a_reason(given, error, message):
    if given == {"model_type": "mamba", "cache": "static"} and int(transformers.__version__.partition(".")[0]) >= 5:
        pytest.skip("Transformers 5 has a static cache for Mamba's state")
    with pytest.raises(error, match=message):
        prepared(**given)


def test_as_many_tokens_as_there_are_positions_can_be_used():
    made, _, _ = prepared("gpt2", length=POSITIONS - NEW)
    assert made.metrics()["kv_cache_mb"] > 0


def test_an_encoder_generates_once_its_configuration_makes_it_a_decoder():
    made, _, _ = prepared("bert", is_decoder=True)
    assert type(made.model).__name__ == "BertLMHeadModel"


def test_a_class_without_a_head_is_replaced_by_the_one_that_generates():
    made, _, _ = prepared("gpt2", architecture="GPT2Model")
    assert type(made.model).__name__ == "GPT2LMHeadModel"


def test_the_settings_of_a_checkpoint_do_not_apply():
    made, _, _ = prepared("gpt2")
    config = made.model.generation_config
    assert isinstance(config, GenerationConfig)
    assert (config.max_new_tokens, config.num_beams, config.do_sample, config.eos_token_id) == (NEW, 1, False, None)

"""The lengths that models can take."""

from __future__ import annotations

import pytest
import transformers
from support.families import prepare, spec_of
from support.models import short
from support.outputs import first_tensor
from support.tiny import LIMITED, UNLIMITED, tiny

from hfbench_nb import PyTorchBenchmark

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]


@pytest.mark.parametrize("model_type", LIMITED)
def test_the_last_position_is_reached_and_one_more_is_refused(model_type):
    longest = LIMITED[model_type]
    model, _, call = prepare(spec_of(model_type), length=longest)
    assert first_tensor(call()).isfinite().all()
    words = f"sequence_length {longest + 1} is beyond the {longest} positions of {type(model).__name__}"
    with pytest.raises(ValueError, match=words):
        prepare(spec_of(model_type), length=longest + 1)


@pytest.mark.parametrize("model_type", UNLIMITED)
def test_relative_and_rotary_positions_have_no_end(model_type):
    assert first_tensor(prepare(spec_of(model_type), length=100)[2]()).isfinite().all()


def test_a_length_out_of_reach_is_a_row_that_says_so():
    args = short(models=["limited"], sequence_lengths=[8, 65])
    config = transformers.AutoConfig.for_model(**tiny("gpt2"))
    frame = PyTorchBenchmark(args, configs=[config]).run().frame
    assert list(frame["status"]) == ["ok", "error"]
    assert frame["error"][1] == "ValueError: sequence_length 65 is beyond the 64 positions of GPT2LMHeadModel"


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize("length", [1, 5, 56, 57, 60, 128])
def test_big_bird_takes_every_length(length, task):
    model, prepared, call = prepare(spec_of("big_bird"), task, length=length)
    assert first_tensor(call()).isfinite().all()
    is_sparse = length > 56
    assert model.bert.attention_type == ("block_sparse" if is_sparse else "original_full")
    assert prepared.note.startswith("block-sparse attention" if is_sparse else "full attention")
    assert ("pads to 64" in prepared.note) == (length in (57, 60))


@pytest.mark.parametrize("task", ["inference", "training"])
@pytest.mark.parametrize("length", [1, 5, 8, 60])
def test_longformer_takes_every_length(length, task):
    _, prepared, call = prepare(spec_of("longformer"), task, length=length)
    assert first_tensor(call()).isfinite().all()
    assert ("windows of 8" in prepared.note) == (length != 8)

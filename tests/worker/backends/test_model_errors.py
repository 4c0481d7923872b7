"""Errors in a model's code, slow code, and lengths: what the row of the case says."""

from __future__ import annotations

import io
import logging
import re

import pytest
import torch
import transformers
from support import workloads
from support.composed import COMPOSED, without
from support.faulty import FaultyConfig
from support.models import short
from support.tiny import tiny

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.backends.base import Attempt, ModelError
from hfbench_nb.worker.backends.library_log import hear_of_slow_code
from hfbench_nb.worker.backends.model_errors import explain
from hfbench_nb.worker.workloads import model_pass

pytestmark = pytest.mark.measures

VERSION = re.escape(transformers.__version__)


def measure(config, task="inference", length=16, batch=2):
    """Measure one case in this process."""
    spec = ModelSpec("mine", config, "test")
    case = Case("PyTorch", "mine", task, batch, length, Settings(device="cpu"))
    workload = resolve(TASKS[task].workload)(case, spec)
    return measuring.measure(workloads.open_runtime, workload, Method(speed=False), lambda phase, facts: None)


def failure_of(*given, **more):
    measurement = measure(*given, **more)
    assert measurement.status == "error"
    return str(measurement.failure)


# ---- errors in a model's code


def test_a_missing_padding_token_is_named():
    config = without(tiny("llama", "LlamaForSequenceClassification"), "pad_token_id")
    text = failure_of(config, "training")
    assert re.match(
        f"ModelError: LlamaForSequenceClassification of Transformers {VERSION} fails with these sizes", text
    )
    assert "ValueError: Cannot handle batch sizes > 1 if no padding token is defined." in text
    assert text.endswith("has no pad_token_id: set one, as in `mine:pad_token_id=0`, or measure batch size 1")
    assert measure(config, "training", batch=1).status == "ok"
    roberta = failure_of({**tiny("roberta"), "pad_token_id": None})
    assert roberta.endswith("its configuration has no pad_token_id: set one, as in `mine:pad_token_id=0`")
    ctc = failure_of({**tiny("wav2vec2"), "pad_token_id": None}, "training")
    assert ctc.startswith("ValueError: Wav2Vec2ForCTC: CTC takes the padding token as its blank")


def test_a_configuration_from_which_nothing_can_be_built_says_so():
    text = failure_of({**tiny("bert"), "hidden_act": "no such function"})
    assert re.match(
        f"ModelError: mine cannot be built from this configuration by Transformers {VERSION}: KeyError", text
    )


@pytest.mark.parametrize(
    "error", [StopIteration(), StopIteration(1), KeyError("a"), AssertionError(), RecursionError("r")]
)
def test_each_exception_of_a_model_is_explained(error):
    attempt = Attempt(ModelSpec("mine", {}, "test"), Case("PyTorch", "mine", "inference", 1, 8))
    explained = model_pass.explained(workloads.open_runtime(), attempt)
    with pytest.raises(ModelError, match="cannot be built from this configuration") as raised, explained:
        raise error
    assert raised.value.__cause__ is error


class Needy:
    """Needs an input that its forward pass declares optional."""

    config = None

    def forward(self, input_ids, regions=None, output_attentions=None):
        return input_ids + regions.sum()


def test_an_optional_input_that_a_model_needs_is_named():
    with pytest.raises(AttributeError) as caught:
        Needy().forward(1)
    case = Case("PyTorch", "needy", "inference", 1, 8)
    shown = explain(caught.value, Attempt(ModelSpec("needy", {}, "test"), case, "calling", Needy(), ("input_ids",)))
    assert isinstance(shown, NotImplementedError)
    assert str(shown).startswith("Needy needs an input that cannot be made yet, one of regions (AttributeError: ")


def test_a_model_without_a_forward_pass_says_so():
    text = failure_of(COMPOSED["bark"])
    assert text == "NotImplementedError: BarkModel has no forward pass: only its parts have, and generation"


def test_the_row_has_the_explanation_and_the_traceback_of_the_error_itself():
    failure = PyTorchBenchmark(short(models=["m"]), configs=[FaultyConfig("raises")]).run().entries[0][1].failure
    assert str(failure).startswith(f"ModelError: FaultyModel of Transformers {transformers.__version__} fails")
    assert "RuntimeError: the model <b>is</b> broken (faulty.py, line " in str(failure)
    assert failure.traceback.rstrip().endswith("RuntimeError: the model <b>is</b> broken")


def raised(error):
    """Return an error as the code of a library raises it: its last line is not ours."""
    try:
        raise error
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), "sizes do not fit together"),
        (RuntimeError('"addmm_impl_cpu_" not implemented for \'Half\''), "try dtype=float32, or bfloat16"),
        (IndexError("index out of range in self"), "beyond one of its tables"),
        (ValueError("XModel does not support an attention implementation through sdpa yet"),
         "try attn_implementation='eager'"),
        (ValueError("input length must be a multiple of 7"), "choose another sequence_length"),
        (RuntimeError("Torch not compiled with CUDA enabled"), "needs a GPU"),
        (UnboundLocalError("local variable 'x' referenced before assignment"), "its code has a mistake"),
        (KeyError("strange"), "its code has a mistake"),
        (OSError("strange"), "other sizes or a changed configuration may work"),
    ],
)  # fmt: skip
def test_a_known_kind_of_error_has_a_next_step(error, words):
    attempt = attempt_of(tiny("bert"))
    shown = explain(raised(error), attempt)
    assert isinstance(shown, ModelError)
    assert words in str(shown)


def test_a_missing_package_and_a_length_beyond_the_configuration_are_named():
    attempt = attempt_of(tiny("bert"), length=100)
    shown = str(explain(raised(ImportError("X requires the\n scipy library")), attempt))
    assert "needs a package" in shown
    assert "X requires the scipy library" in shown
    assert "overlay=" in shown
    beyond = str(explain(raised(RuntimeError("strange")), attempt))
    assert beyond.endswith(
        "sequence_length 100 is beyond the 64 positions of its configuration (max_position_embeddings)"
    )


def test_inputs_that_cannot_be_made_are_no_internal_error():
    attempt = attempt_of(tiny("bert"))
    attempt.step = "inputs"
    shown = explain(raised(AttributeError("'BertConfig' object has no attribute 'vocab_size'")), attempt)
    assert isinstance(shown, NotImplementedError)
    assert "BertModel: its inputs cannot be derived from its configuration" in str(shown)


def attempt_of(config, length=16):
    with torch.device("meta"):
        model = transformers.BertModel(transformers.AutoConfig.for_model(**config))
    case = Case("PyTorch", "mine", "inference", 2, length)
    return Attempt(ModelSpec("mine", config, "test"), case, "calling", model, ("input_ids",))


# ---- lengths


@pytest.mark.parametrize(
    ("model_type", "longest"), [("gptj", 64), ("codegen", 64), ("ctrl", 64), ("prophetnet", 62), ("led", 64)]
)
def test_the_last_position_is_reached_and_the_next_is_refused(model_type, longest):
    config = COMPOSED.get(model_type) or tiny(model_type)
    assert measure(config, length=longest).status == "ok"
    text = failure_of(config, length=longest + 1)
    assert text.startswith(f"ValueError: sequence_length {longest + 1}")
    assert f"is beyond the {longest} positions of " in text


def test_a_length_is_refused_that_windows_make_too_long():
    text = failure_of({**tiny("led"), "max_encoder_position_embeddings": 60}, length=57)
    assert text == (
        "ValueError: sequence_length 57, padded to 64 for attention in windows of 8, is beyond the 60 positions of "
        "LEDForConditionalGeneration"
    )
    longformer = {**tiny("longformer"), "max_position_embeddings": 62}  # its padding has no positions of its own
    assert measure(longformer, length=60).status == "ok"


def test_lengths_that_a_model_cannot_take_are_explained():
    exact = failure_of(COMPOSED["nystromformer"], length=16)
    assert exact.endswith("it takes texts of exactly 64 tokens (segment_means_seq_len of its configuration)")
    assert measure(COMPOSED["nystromformer"], length=64).status == "ok"
    for length in (1, 3):
        assert "try another sequence_length" in failure_of(COMPOSED["funnel"], length=length)


# ---- slow code


@pytest.mark.parametrize("again", [False, True])
def test_slow_code_of_the_library_is_a_note_of_each_case(again, capfd):
    library = logging.getLogger("transformers")
    before = (library.level, library.handlers[:], library.propagate)
    measurement = measure(tiny("mamba"))
    assert measurement.status == "ok"
    assert re.search("fall(s|ing) back", measurement.note, re.IGNORECASE)
    assert "alling back" not in capfd.readouterr().err
    assert (library.level, library.handlers[:], library.propagate) == before


def test_a_server_lets_the_library_print_errors_alone_and_its_workers_hear_warnings(monkeypatch):
    library, printed = logging.getLogger("transformers"), io.StringIO()
    monkeypatch.setattr(library, "handlers", [logging.StreamHandler(printed)])
    before = library.level
    try:
        load_backend("hfbench_nb.worker.backends.pytorch").prepare_forks()
        log = transformers.logging.get_logger("transformers.models.some.modeling_some")
        log.warning("falling back to the naive implementation")
        log.error("broken")
        with hear_of_slow_code() as heard:
            log.warning("falling back to the slow path")
        assert (printed.getvalue(), heard) == ("broken\n", ["falling back to the slow path"])
    finally:
        library.setLevel(before)


def test_other_models_have_no_such_note():
    assert measure(tiny("bert")).note == ""


def test_a_type_that_this_version_does_not_have_is_named():
    text = failure_of({"model_type": "no-such-type"})
    assert f"Transformers {transformers.__version__} has no models of type 'no-such-type': another version may" in text
    assert "Should contain one of" not in text


@pytest.mark.skipif("transfo-xl" not in transformers.CONFIG_MAPPING, reason="only Transformers 4 has Transformer-XL")
def test_a_mistake_in_a_model_s_code_is_not_taken_for_a_missing_token_or_input():
    """Transformers 4.57.6 calls ``type_as(dtype=...)`` in Transformer-XL, and PyTorch refuses it."""
    spec = find_model("transfo-xl-wt103:n_layer=1,d_inner=64,d_embed=64,d_model=64,n_head=1")
    text = failure_of(spec.config, batch=1)
    assert text.startswith("ModelError: TransfoXLLMHeadModel of Transformers 4.")
    assert "pad_token_id" not in text
    assert "its code has a mistake" in text

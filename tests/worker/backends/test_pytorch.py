"""The PyTorch backend on real, tiny models."""

from __future__ import annotations

import dataclasses
import os
import sys

import pytest
import torch
from support import workloads
from support.models import short, tiny_bart, tiny_bert, tiny_gpt2, tiny_t5
from support.processes import run_script
from support.tensorflow_runs import needs_tensorflow

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.protocol.model_kinds import BASE, HEAD
from hfbench_nb.worker.backends import pytorch_models
from hfbench_nb.worker.backends.inputs import make_inputs

pytestmark = pytest.mark.measures

CPU = torch.device("cpu")
TINY = {"encoder": tiny_bert, "decoder": tiny_gpt2, "encoder-decoder t5": tiny_t5, "encoder-decoder bart": tiny_bart}


def build(config, kind=BASE, dtype=torch.float32, **given):
    (spec,) = find_models(["tiny"], [config])
    config, model_class = pytorch_models.find_class(spec, kind, **{"only_pretrain_model": False, **given})
    return pytorch_models.build(model_class, config, dtype, CPU, seed=0)


def prepare(config, task):
    (spec,) = find_models(["tiny"], [config])
    prepared = workloads.prepare(workloads.open_runtime(), spec, task, 2, 8)
    return prepared.model, prepared, prepared.call


@pytest.mark.parametrize("kind", TINY)
def test_a_model_built_fast_computes_what_one_built_ordinarily_does(kind):
    fast = build(TINY[kind](), HEAD).eval()
    ordinary = type(fast)(fast.config).eval()
    ordinary.load_state_dict(fast.state_dict())
    inputs = pytorch_models.to_tensors(make_inputs(fast, 2, 8, seed=1).arrays, fast, CPU)
    ours, theirs = pytorch_models.infer(fast, inputs)[0], pytorch_models.infer(ordinary, inputs)[0]
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert ours.std() > 0


def test_the_same_parameters_are_tied_as_in_an_ordinary_model():
    fast = build(tiny_bert(architectures=["BertForMaskedLM"]))
    ordinary = type(fast)(fast.config)
    assert {n for n, _ in fast.named_parameters()} == {n for n, _ in ordinary.named_parameters()}
    assert fast.get_output_embeddings().weight is fast.get_input_embeddings().weight


def test_every_weight_is_filled_with_ordinary_numbers():
    model = build(tiny_bert(hidden_size=128, vocab_size=3000))
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all()
        tiny = torch.finfo(parameter.dtype).tiny
        assert not ((parameter != 0) & (parameter.abs() < tiny)).any(), name
    embeddings = model.get_input_embeddings().weight
    assert embeddings.std().item() == pytest.approx(0.02, rel=0.05)
    assert (model.encoder.layer[0].output.LayerNorm.weight == 1).all()


def test_building_leaves_torch_as_it_was():
    before = torch.nn.init.normal_, torch.get_default_dtype()
    build(tiny_bert(), dtype=torch.bfloat16)
    assert (torch.nn.init.normal_, torch.get_default_dtype()) == before


def test_the_class_is_the_one_that_the_configuration_names():
    assert type(build(tiny_bert(architectures=["BertForMaskedLM"]))).__name__ == "BertForMaskedLM"
    assert type(build(tiny_bert())).__name__ == "BertModel"
    assert type(build(tiny_bert(), HEAD)).__name__ == "BertForMaskedLM"
    assert type(build(tiny_bert(architectures=["BertForMaskedLM"]), only_pretrain_model=True)).__name__ == "BertModel"
    assert type(build(tiny_t5(), HEAD)).__name__ == "T5ForConditionalGeneration"
    assert type(build(tiny_gpt2(), HEAD)).__name__ == "GPT2LMHeadModel"


def test_a_class_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"has no class NoSuchModel.*only_pretrain_model=True"):
        build(tiny_bert(architectures=["NoSuchModel"]))


def test_inputs_are_the_same_ids_for_the_same_seed_and_fit_the_vocabulary():
    model = build(tiny_t5())
    one, again, other = (make_inputs(model, 3, 50, seed).arrays for seed in (0, 0, 1))
    assert one["input_ids"].shape == one["decoder_input_ids"].shape == (3, 50)
    assert (one["input_ids"] == again["input_ids"]).all()
    assert not (one["input_ids"] == other["input_ids"]).all()
    assert 0 <= one["input_ids"].min() <= one["input_ids"].max() < 100


HEADS = {
    "BertForMaskedLM": "each token",
    "BertForPreTraining": "each token and the next sentence",
    "BertForSequenceClassification": "class of the text",
    "BertForTokenClassification": "class of each token",
    "BertForQuestionAnswering": "span of the answer",
    "BertModel": "mean of the output: the model has no loss",
}


@pytest.mark.parametrize("head", HEADS)
def test_training_reaches_the_parameters_whatever_the_head(head):
    model, prepared, call = prepare(tiny_bert(architectures=[head]), "training")
    loss = call()
    assert loss.isfinite()
    assert prepared.details["loss"] == HEADS[head]
    with_gradient = [name for name, parameter in model.named_parameters() if parameter.grad is not None]
    assert any("embeddings" in name for name in with_gradient)


@pytest.mark.parametrize("kind", TINY)
def test_training_clears_the_gradients_first(kind):
    model, _, call = prepare(TINY[kind](), "training")
    torch.manual_seed(0)
    call()
    first = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    torch.manual_seed(0)
    call()
    second = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert first.keys() == second.keys()
    for name, gradient in first.items():
        torch.testing.assert_close(gradient, second[name])


def test_inference_makes_no_graph_and_no_dropout():
    _, _, call = prepare(tiny_bert(hidden_dropout_prob=0.5), "inference")
    one, two = call()[0], call()[0]
    assert not one.requires_grad
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_low_precision_halves_the_weights_on_a_cpu_too(dtype):
    config = tiny_bert(hidden_size=256, vocab_size=40_000)
    given = {"speed": False, "only_pretrain_model": True}
    full, half = (
        PyTorchBenchmark(short(dtype=name, **given), configs=[config]).run().frame.iloc[0]
        for name in ("float32", dtype)
    )
    assert half["status"] == "ok", half["error"]
    assert full["weights_mb"] - half["weights_mb"] == pytest.approx(20, abs=3)


def test_weights_are_what_the_parameters_take():
    config = tiny_bert(hidden_size=512, vocab_size=60_000, num_hidden_layers=1)
    results = PyTorchBenchmark(short(speed=False), configs=[config]).run()
    row, facts = results.frame.iloc[0], results.entries[0][1].model_facts
    assert row["weights_mb"] * 2**20 == pytest.approx(facts.parameters * 4, rel=0.03)
    assert row["memory_mb"] == pytest.approx(row["baseline_mb"] + row["weights_mb"] + row["working_mb"])


@pytest.mark.parametrize("kind", TINY)
def test_every_kind_of_model_is_measured_in_both_tasks(kind):
    results = PyTorchBenchmark(short(training=True, sequence_lengths=[8, 16]), configs=[TINY[kind]()]).run()
    assert list(results.frame["status"]) == ["ok"] * 4, list(results.frame["error"])
    assert (results.frame["time_s"] > 0).all()
    assert (results.frame["time_ci_low_s"] <= results.frame["time_ci_high_s"]).all()


def test_torchscript_is_traced_for_inference_and_refused_for_training():
    args = short(models=["bert", "t5"], torchscript=True, training=True)
    results = PyTorchBenchmark(args, configs=[tiny_bert(), tiny_t5()]).run()
    frame = results.frame.set_index(["model", "task"])
    assert frame.loc[("bert", "inference"), "status"] == "ok", frame["error"].iloc[0]
    assert frame.loc[("t5", "inference"), "status"] == "ok", frame["error"].iloc[2]
    assert frame.loc[("bert", "training"), "error"].startswith("NotImplementedError: Training for torchscript")
    assert results.environment["use_torchscript"] is True


def test_a_configuration_class_derived_in_a_notebook_is_built_as_its_parent():
    from transformers import BertConfig

    class NarrowConfig(BertConfig):
        def __init__(self, hidden_size=16, **kwargs):
            super().__init__(hidden_size=hidden_size, num_attention_heads=2, num_hidden_layers=1, **kwargs)

    results = PyTorchBenchmark(short(training=True), configs=[NarrowConfig()]).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert [m.model_facts.model_class for _, m in results.entries] == ["BertModel", "BertForMaskedLM"]


def test_the_method_carries_every_argument_that_a_worker_needs():
    args = short(seed=3, repeat=4, precision=0.1, device="cpu", cuda=False, trust_remote_code=True)
    method = args.method()
    shared = {f.name for f in dataclasses.fields(method)} & {f.name for f in dataclasses.fields(args)}
    assert len(shared) > 8
    assert all(getattr(method, name) == getattr(args, name) for name in shared)
    assert method.use_accelerator is False


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and counts threads in /proc")
def test_the_threads_of_a_worker_run_before_its_first_call_also_where_another_process_has_built_the_model():
    done = run_script("""
        import os
        from support import workloads

        def threads():
            return len(os.listdir("/proc/self/task"))

        workloads.open_runtime(settings={"threads": 1})
        before = threads()
        if not os.fork():
            workloads.open_runtime(settings={"threads": 2})
            print(before, threads(), flush=True)
            os._exit(0)
        os.wait()
    """)
    assert done.stdout.split() == ["1", "2"], done.stderr


@pytest.mark.parametrize("backend", ["pytorch", pytest.param("tensorflow", marks=needs_tensorflow)])
def test_the_folders_of_models_are_read_once(backend):
    script = run_script(
        """
        import importlib, sys
        importlib.import_module("hfbench_nb.worker.backends." + sys.argv[1]).load()
        import transformers.models as models
        import transformers.utils.import_utils as library
        read = library.create_import_structure_from_path.__wrapped__
        known, reads = library.define_import_structure(models.__file__), read.cache_info().misses
        library.create_import_structure_from_path = read
        for cached in (read, library.define_import_structure):
            cached.cache_clear()
        print(known == library.define_import_structure(models.__file__), reads / read.cache_info().misses)
        """,
        backend, env={key: value for key, value in os.environ.items() if key != "USE_TF" or backend == "pytorch"},
    )  # fmt: skip
    is_what_the_library_reads, times = script.stdout.split()
    assert is_what_the_library_reads == "True"
    assert 1 <= float(times) < 1.2  # a few models are imported, which read their own folders

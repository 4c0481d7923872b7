"""Factories, inputs and losses of the user's own as arguments: what is refused, and when two of them are the same."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
import torch
from support.models import short, tiny_bert

from hfbench_nb import ArgumentError, PyTorchBenchmark, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.configurations import lookup
from hfbench_nb.configurations.fingerprints import fingerprint
from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.configurations.own_code import names_of, with_code

pytestmark = [pytest.mark.measures, pytest.mark.usefixtures("no_hub"), pytest.mark.quick]


def linear():
    return torch.nn.Linear(4, 4)


def inputs(batch_size, sequence_length):
    return {"input": torch.ones(batch_size, sequence_length, 4)}


async def later():
    return linear()


HELD = torch.nn.Linear(4, 4)
GENERATOR = (number for number in range(3))


@pytest.mark.parametrize(
    ("configs", "given", "parameter", "message"),
    [
        ([HELD], {}, "configs (for 'm')", "must be a function that builds the model, in the worker: a model itself is"),
        ([later], {}, "configs (for 'm')", "must be an ordinary function: calling this one only starts its work"),
        ([lambda size: linear()], {}, "configs (for 'm')", "a function without arguments that returns a model"),
        ([lambda: next(GENERATOR)], {}, "configs (for 'm')", "cannot be sent to another process"),
        (
            [type(tiny_bert())],
            {},
            "configs (for 'm')",
            "a PretrainedConfig of Transformers, or a function that returns",
        ),
        ([linear], {"inputs": 3}, "inputs", "inputs=3 cannot be used: inputs must be a function of a batch size and a"),
        ([linear], {"inputs": lambda batch_size: {}}, "inputs", "must be a function of a batch size and a sequence"),
        ([linear], {"inputs": later}, "inputs", "must be a function of a batch size and a sequence length"),
        ([linear], {"inputs": [inputs, inputs]}, "inputs", "inputs has 2 functions and models has 1 names"),
        ([linear], {"inputs": lambda b, s: next(GENERATOR)}, "configs (for 'm')", "cannot be sent to another process"),
        ([linear], {"loss": "mean"}, "loss", "loss must be a function of the model's outputs that returns a scalar"),
        ([linear], {"loss": lambda: 0}, "loss", "loss must be a function of the model's outputs"),
        ([linear], {"loss": []}, "loss", "loss has 0 functions and models has 1 names"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(configs, given, parameter, message):
    with pytest.raises(ArgumentError) as raised:
        PyTorchBenchmark(short(models=["m"]), configs=configs, **given)
    assert message in str(raised.value)
    assert raised.value.parameters == (parameter,)


def test_factories_name_themselves_where_models_names_none():
    args = PyTorchBenchmarkArguments(batch_sizes=[1])
    benchmark = PyTorchBenchmark(args, configs=[linear, functools.partial(torch.nn.Linear, 4, 4)], inputs=inputs)
    assert benchmark.args.models == ["linear", "Linear"]
    assert args.models == []
    assert PyTorchBenchmark(short(models=["mine"]), configs=[linear]).args.models == ["mine"]


@pytest.mark.parametrize("configs", [None, [], [tiny_bert()], [linear, tiny_bert()]])
def test_a_run_without_names_is_refused(configs):
    with pytest.raises(
        ArgumentError, match=r"models=\[\] cannot be used: models must be a name, or a list with at least"
    ):
        PyTorchBenchmark(PyTorchBenchmarkArguments(), configs=configs)


def test_a_factory_alone_is_no_list():
    for models in ([], ["m"]):
        with pytest.raises(ArgumentError, match="it must be a list of conf|configs must be a list, as in configs="):
            PyTorchBenchmark(PyTorchBenchmarkArguments(models=models), configs=linear)


def test_two_factories_of_one_name_are_refused():
    with pytest.raises(ArgumentError, match=r"two factories are called '<lambda>': name each of them by models="):
        names_of([lambda: linear(), lambda: linear()])


def test_pretrained_weights_need_a_name():
    for configs in ([linear], [tiny_bert()]):
        with pytest.raises(
            ArgumentError, match=r"weights='pretrained' and configs=\[...\] contradict each other"
        ) as it:
            PyTorchBenchmark(short(weights=["random", "pretrained"]), configs=configs)
        assert it.value.parameters == ("weights", "configs")
    with pytest.raises(ArgumentError, match="weights='trained' cannot be used: weights must be 'random' or 'pretrain"):
        short(weights="trained")


def test_tensorflow_says_that_it_has_none_of_this(monkeypatch):
    with pytest.raises(
        ArgumentError, match="weights='pretrained' cannot be used with TensorFlow: it is an argument of"
    ):
        TensorFlowBenchmarkArguments(models=["gpt2"], weights="pretrained")
    with pytest.raises(ArgumentError, match="waits=1 cannot be used: TensorFlowBenchmarkArguments has no such"):
        TensorFlowBenchmarkArguments(models=["gpt2"], waits=1)
    from hfbench_nb import TensorFlowBenchmark

    assert not FRAMEWORKS["TensorFlow"].takes_code
    monkeypatch.setattr("hfbench_nb.execution.benchmark.check_requirements", lambda framework, overlay: None)
    for given in ({"configs": [linear]}, {"configs": [tiny_bert()], "loss": torch.sum}):
        with pytest.raises(ArgumentError, match="cannot be used with TensorFlow: it measures models by their"):
            TensorFlowBenchmark(TensorFlowBenchmarkArguments(models=["m"]), **given)


def test_a_specification_travels_as_json_and_says_what_it_is():
    (spec,) = with_code(find_models(["m"], [linear]), [linear], inputs)
    assert (spec.source, spec.family, spec.config) == ("factory", None, {})
    assert spec.identity == {"code": {"factory": fingerprint(linear), "inputs": fingerprint(inputs)}}
    (named,) = with_code(find_models(["gpt2"]), None, None, torch.sum)
    assert (named.family, list(named.identity["code"])) == ("gpt2", ["loss"])
    (plain,) = with_code(find_models(["gpt2"]), None)
    assert plain.identity == plain.config
    json.dumps([spec.identity, named.identity])


# ---- fingerprints


def capturing(value):
    return lambda: value


def test_the_same_code_with_the_same_data_has_the_same_fingerprint():
    assert fingerprint(capturing(2)) == fingerprint(capturing(2))
    assert fingerprint(capturing({3, 1, 2})) == fingerprint(capturing({1, 2, 3}))
    assert fingerprint(capturing(torch.ones(3))) == fingerprint(capturing(torch.ones(3)))


class Sizes:
    def __init__(self, width):
        self.width = width

    def build(self):
        return self.width


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (capturing(2), capturing(3)),
        (capturing(1), capturing(True)),
        (capturing([1, [2]]), capturing([1, [3]])),
        (capturing({"a": 1}), capturing({"a": 2})),
        (capturing(torch.ones(3)), capturing(torch.zeros(3))),
        (capturing(torch.ones(3)), capturing(torch.ones(3, dtype=torch.bfloat16))),
        (lambda size=1: size, lambda size=2: size),
        (lambda: torch.nn.ReLU(), lambda: torch.nn.GELU()),
        (functools.partial(torch.nn.Linear, 1, 2), functools.partial(torch.nn.Linear, 2, 2)),
        (Sizes(1).build, Sizes(2).build),
        (lambda: [i + 1 for i in range(3)], lambda: [i + 2 for i in range(3)]),
        (linear, inputs),
    ],
)
def test_other_code_or_other_data_has_another_fingerprint(one, two):
    assert fingerprint(one) != fingerprint(two)


NOTEBOOK = """
    class Net:
        width = {width}
        {decorator}
        def size(self):
            return {factor}
        def __init__(self):
            self.used = helper()
    def helper():
        return {{"a", "b", "c"}}, scale, len, json.dumps
    import json
    scale = {scale}
    unused = {unused}
    {comment}
    def factory():
        def inner():
            return Net()
        return inner()
    from hfbench_nb.configurations.fingerprints import fingerprint
    print(fingerprint(factory))
"""


def in_another_process(**given):
    values = {"width": 1, "decorator": "@property", "factor": 1, "scale": 2.0, "unused": 0, "comment": "", **given}
    code = textwrap.dedent(NOTEBOOK.format(**values))
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_a_fingerprint_holds_in_another_process_and_covers_what_the_notebook_defines():
    before = in_another_process()
    assert in_another_process(unused=1, comment="# moved by a line\n") == before
    for change in ({"width": 2}, {"factor": 3}, {"scale": 2.5}, {"decorator": "@staticmethod"}):
        assert in_another_process(**change) != before, change


def test_a_module_beside_the_notebook_is_covered_by_its_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "beside.py").write_text("def factory():\n    return 1\n")
    import beside

    before = fingerprint(beside.factory)
    assert fingerprint(beside.factory) == before
    (tmp_path / "beside.py").write_text("def factory():\n    return helper()\n")
    assert fingerprint(beside.factory) != before
    assert fingerprint(json.dumps) == fingerprint(json.dumps)


def test_what_refers_to_itself_or_is_very_deep_has_a_fingerprint():
    circle = []
    circle.append(circle)
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert len({fingerprint(capturing(circle)), fingerprint(capturing(deep)), fingerprint(capturing([]))}) == 3


# ---- fetching weights


class Hub:
    """A hub with checkpoints, and a cache."""

    constants = SimpleNamespace(HF_HUB_OFFLINE=False, ENDPOINT="http://hub")

    def __init__(self, files):
        self.files, self.cached, self.asked = files, set(), []

    def try_to_load_from_cache(self, name, file):
        return f"/cache/{file}" if file in self.cached and file != "config.json" else None

    def snapshot_download(self, name, allow_patterns, etag_timeout):
        from fnmatch import fnmatch

        self.asked.append(name)
        self.cached |= {file for file in self.files if any(fnmatch(file, pattern) for pattern in allow_patterns)}


@pytest.mark.parametrize(
    ("files", "cached", "asked"),
    [
        ({"config.json", "model.safetensors", "pytorch_model.bin"}, {"config.json", "model.safetensors"}, 1),
        ({"model-1-of-2.safetensors", "model-2-of-2.safetensors", "model.safetensors.index.json", "original/model.pth"},
         {"model-1-of-2.safetensors", "model-2-of-2.safetensors", "model.safetensors.index.json"}, 1),
        ({"config.json", "pytorch_model.bin"}, {"config.json", "pytorch_model.bin"}, 2),
        ({"config.json"}, {"config.json"}, 2),
    ],
)  # fmt: skip
def test_weights_are_fetched_once_if_the_hub_answers(monkeypatch, files, cached, asked):
    hub = Hub(files)
    monkeypatch.setattr(lookup, "_hub_library", lambda: hub)
    find_models(["gpt2"])
    find_models(["gpt2"], pretrained=True)
    assert hub.asked == []  # it does not answer
    monkeypatch.setattr(lookup, "_answers", lambda endpoint: True)
    find_models(["gpt2:n_layer=2"], pretrained=True)
    assert (hub.cached, hub.asked) == (cached, ["gpt2"] * asked)
    if len(cached) > 1:
        find_models(["gpt2"], pretrained=True)
        assert len(hub.asked) == asked

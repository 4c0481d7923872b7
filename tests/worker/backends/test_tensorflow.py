"""The TensorFlow backend on real, tiny models, in real processes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from support import workloads
from support.models import tiny_bart, tiny_bert, tiny_gpt2, tiny_t5
from support.tensorflow_runs import arguments, needs_tensorflow
from support.tiny import tiny

from hfbench_nb import (
    ArgumentError,
    IsolationError,
    TensorFlowBenchmark,
)
from hfbench_nb.configurations import catalog
from hfbench_nb.execution import requirements
from hfbench_nb.frontends import cli
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.model_kinds import HEAD
from hfbench_nb.protocol.request import ModelSpec

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("tensorflow")]

TINY = {"bert": tiny_bert, "gpt2": tiny_gpt2, "t5": tiny_t5, "bart": tiny_bart}
MODES: dict[str, dict[str, bool]] = {"graph": {}, "eager": {"eager_mode": True}, "xla": {"use_xla": True}}


def run(configs: dict[str, Any], **given: Any) -> Any:
    args = arguments(models=list(configs), **given)
    return TensorFlowBenchmark(args, configs=list(configs.values())).run()


@needs_tensorflow
@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_model_is_measured_in_every_mode_and_task(mode, capfd):
    # Compiling takes as long as there are layers: one is enough.
    configs = {"bert": tiny_bert(num_hidden_layers=1), "gpt2": tiny_gpt2(n_layer=1), "t5": tiny_t5(num_layers=1)}
    results = run(configs, training=True, **MODES[mode])
    assert list(results.frame["status"]) == ["ok"] * 6, list(results.frame["error"])
    assert set(results.frame["framework"]) == {"TensorFlow"}
    assert (results.frame["time_s"] > 0).all()
    assert results.frame["memory_mb"].to_list() == pytest.approx(
        (results.frame["baseline_mb"] + results.frame["weights_mb"] + results.frame["working_mb"]).to_list()
    )
    for case, measurement in results.entries:
        details = measurement.details
        assert details["mode"] == mode
        assert ("compile_s" in measurement.metrics) == (mode != "eager")
        if case.task == "training":
            assert details["variables_without_gradient"] == 0
            assert details["trainable_variables"] > 12
            assert 0 < details["loss_value"] < 100
        if mode != "eager":  # the first call compiled, and no sample did
            assert measurement.metrics["compile_s"] > 10 * max(measurement.timing.samples_s)
    assert capfd.readouterr() == ("", ""), "TensorFlow's chatter belongs to the log"
    assert not list(Path(tempfile.gettempdir()).rglob("__autograph_generated_file*")), "left by the worker"


@needs_tensorflow
def test_a_graph_is_traced_without_autograph_where_that_gives_the_same():
    import tensorflow as tf

    from hfbench_nb.worker.backends import tensorflow_models

    runtime = workloads.open_runtime("TensorFlow")
    spec = ModelSpec("bert", tiny_bert(num_hidden_layers=1).to_dict(), "test")
    model = runtime.build(spec, HEAD, training=True).model
    inputs = runtime.make_inputs(model, Case("TensorFlow", "bert", "training", 1, 8), labels=True).tensors
    train = tensorflow_models.TrainingPass(model).run
    graphs = [tf.function(train, autograph=how).get_concrete_function(inputs).graph for how in (True, False)]
    with_autograph, without = ([operation.type for operation in graph.get_operations()] for graph in graphs)
    assert len(without) > 100
    assert without == with_autograph

    def branches(inputs):
        total = tf.constant(0)
        for number in tf.range(len(inputs["x"])):
            if inputs["x"][number] > 0:
                total += inputs["x"][number]
        return total

    for jit_compile in (False, True):
        run = tensorflow_models.as_graph(branches, jit_compile=jit_compile)
        assert [int(run({"x": tf.constant([1, -5, 3])})), int(run({"x": tf.constant([2, 2, 2])}))] == [4, 6]
    with pytest.raises(TypeError, match="unhashable"):
        tensorflow_models.as_graph(lambda inputs: {inputs["x"]: hash([])}, jit_compile=False)({"x": tf.constant(1)})


@needs_tensorflow
@pytest.mark.parametrize("branches", [False, True])
def test_a_model_that_a_trace_builds_has_its_weights_whether_it_needs_autograph_or_not(branches):
    import tf_keras

    from hfbench_nb.worker.backends import tensorflow_models

    class Model(tf_keras.Model):
        dummy_inputs = tensorflow_models.tf.constant([[1.0, 2.0]])

        def __init__(self, config):
            super().__init__()
            self.layer = tf_keras.layers.Dense(3)

        def build_in_name_scope(self):
            """Do not say how it is built."""

        def call(self, inputs, training):
            found = self.layer(inputs)
            if branches and found[0, 0] > 0:
                found = -found
            return found

    model = tensorflow_models.build(Model, None, 0, None)
    assert [weight.shape for weight in model.weights] == [(2, 3), (3,)]
    assert abs(model.weights[0].numpy()).min() > 0


# The model types of the catalogue that Transformers 4.57 has TensorFlow classes for; variables of each, in training,
# that no gradient reaches there: a pooler that the head does not use, biases that the inputs have no use for.
# Wav2vec 2.0 drops layers at random.
FAMILIES = {
    "albert": 1, "bart": 0, "bert": 0, "clip": 0, "ctrl": 0, "deberta-v2": 0, "distilbert": 0, "electra": 0, "gpt2": 0,
    "longformer": 12, "marian": 0, "mistral": 0, "mpnet": 2, "openai-gpt": 0, "opt": 0, "pegasus": 0, "roberta": 0,
    "t5": 0, "vit": 0, "wav2vec2": None, "whisper": 0, "xlm": 0, "xlm-roberta": 0, "xlnet": 5,
}  # fmt: skip


@needs_tensorflow
@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_of_the_catalogue_runs_in_both_tasks(model_type):
    for task in ("inference", "training"):
        runtime = workloads.open_runtime("TensorFlow", {"eager_mode": True})
        workloads.prepare(runtime, ModelSpec(model_type, tiny(model_type), "test"), task, 2, 16).call()
        runtime.close()
    if FAMILIES[model_type] is not None:
        assert runtime.details["variables_without_gradient"] == FAMILIES[model_type]
    assert 0 < runtime.details["loss_value"] < 1000


def test_no_family_of_the_catalogue_is_forgotten():
    in_catalogue = {checkpoint.config["model_type"] for checkpoint in catalog.checkpoints()}
    without_tensorflow = {
        "big_bird", "bloom", "deepseek_v2", "gemma2", "gemma3", "gemma3_text", "gpt_neo", "gpt_neox", "gpt_oss",
        "llama", "mamba", "mixtral", "modernbert", "olmoe", "phi", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe",
        "smollm3",
    }  # fmt: skip
    # Transformer-XL, which only TensorFlow runs, is measured by its notebook.
    assert in_catalogue - without_tensorflow == {*FAMILIES, "transfo-xl"}


@needs_tensorflow
def test_the_report_and_the_environment_are_the_originals():
    results = run({"bert": tiny_bert(), "bart": tiny_bart()}, env_print=True, eager_mode=True)
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert list(results.environment)[:5] == [
        "transformers_version", "framework", "eager_mode", "use_xla", "framework_version",
    ]  # fmt: skip
    report = str(results)
    assert "- framework: TensorFlow\n- eager_mode: True\n- use_xla: False\n- framework_version: 2." in report


@needs_tensorflow
def test_half_precision_by_the_policy():
    results = run({"bert": tiny_bert(num_hidden_layers=1)}, fp16=True, training=True)
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert {m.details["dtype"] for _, m in results.entries} == {"float16"}


@needs_tensorflow
def test_the_number_of_threads_is_used_and_recorded():
    results = run({"bert": tiny_bert()}, threads=1, memory=False, eager_mode=True)
    assert results.environment["threads"] == results.entries[0][1].details["threads"] == 1


@needs_tensorflow
def test_a_model_without_a_tensorflow_class_is_a_row():
    from transformers import LlamaConfig

    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    bare, named = LlamaConfig(**sizes), LlamaConfig(**sizes, architectures=["LlamaForCausalLM"])
    results = run({"llama": bare, "llama with a head": named, "bert": tiny_bert()}, eager_mode=True)
    assert list(results.frame["status"]) == ["error", "error", "ok"]
    assert results.frame["error"][:2].str.endswith("has no TensorFlow model for LlamaConfig").all()


@needs_tensorflow
def test_weights_are_filled_with_ordinary_numbers_and_their_memory_is_theirs():
    config = tiny_bert(hidden_size=256, vocab_size=40_000)
    results = run({"bert": config}, speed=False, eager_mode=True)
    row, facts = results.frame.iloc[0], results.entries[0][1].model_facts
    # The small ones that are no random numbers, zeros and ones, were there before.
    assert row["weights_mb"] == pytest.approx(facts.parameters * 4 / 2**20, abs=1)


@needs_tensorflow
def test_a_model_that_only_a_call_builds_has_its_weights_before_it_is_called():
    sizes = "d_embed=64,d_model=16,n_head=1,d_head=16,d_inner=32,n_layer=1"
    results = TensorFlowBenchmark(arguments(models=[f"transfo-xl-wt103:{sizes}"], sequence_lengths=[8])).run()
    row = results.frame.iloc[0]
    assert row["status"] == "ok", row["error"]
    assert row["parameters"] > 20_000 * 64  # the embeddings of the most frequent words alone
    assert row["weights_mb"] > row["parameters"] * 4 / 2**20


@needs_tensorflow
def test_lines_are_traced_in_eager_mode():
    results = run({"bert": tiny_bert()}, eager_mode=True, trace_memory_line_by_line=True, memory=False)
    assert results.inference_summary is not None
    assert any("modeling_tf_bert" in state.frame.filename for state in results.inference_summary.sequential)


@needs_tensorflow
def test_the_command_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_bert(architectures=["BertForMaskedLM"]).save_pretrained(tmp_path / "tiny")
    words = "tensorflow --models tiny --batch_sizes 1 --sequence_lengths 8 --eager_mode --no_memory"
    words += " --max_seconds 0.05 --rounds 1"
    assert cli.main(words.split()) == 0
    assert "INFERENCE - SPEED - RESULT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"eager_mode": True, "use_xla": True}, "eager_mode=True and use_xla=True contradict each other"),
        ({"trace_memory_line_by_line": True}, "trace_memory_line_by_line=True needs eager_mode=True"),
        ({"device_idx": -1}, "device_idx=-1 cannot be used: device_idx must be a whole number of at least 0."),
        ({"device": "mps"}, "device='mps' cannot be used: device must be 'auto', 'cpu', 'cuda' or 'cuda:1'"),
        ({"tpu_name": 3}, "tpu_name=3 cannot be used"),
        ({"trust_remote_code": True}, "trust_remote_code=True cannot be used: trust_remote_code must be False for Ten"),
    ],
)
def test_wrong_values_are_named(given, message):
    with pytest.raises(ArgumentError) as caught:
        arguments(**given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("installed", "message"),
    [
        ({"transformers": "4.57.6"}, "tensorflow is not installed; tf-keras is not installed. Install them with `pip"),
        ({"tensorflow": "2.21.0", "tf-keras": "2.21.0", "transformers": "5.23.0"},
         "Transformers 5.23.0 has no TensorFlow models"),
        ({"tensorflow": "2.21.0", "transformers": "4.57.6"}, "tf-keras is not installed"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_at_once(installed, message, tmp_path, monkeypatch):
    for name, version in installed.items():
        metadata = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
        metadata.parent.mkdir()
        metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(IsolationError, match=message):
        TensorFlowBenchmark(arguments(), configs=[tiny_bert()])
    if "tensorflow" in installed and "tf-keras" in installed:
        overlay = tmp_path / "overlay" / "transformers-4.57.6.dist-info" / "METADATA"
        overlay.parent.mkdir(parents=True)
        overlay.write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 4.57.6\n")
        TensorFlowBenchmark(arguments(overlay=str(tmp_path / "overlay")), configs=[tiny_bert()])


def test_an_overlay_is_installed_by_pip_into_the_folder_alone(tmp_path, monkeypatch, capsys):
    commands = []

    def fake_run(command, **options):
        commands.append(command)
        return requirements.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(requirements, "installed_versions", lambda names: {"numpy": "2.4.6", "tensorflow": "2.20.0"})
    monkeypatch.setattr(requirements.subprocess, "run", fake_run)
    assert cli.main(["overlay", "tensorflow", str(tmp_path / "new")]) == 0
    assert "runpy.run_module('pip'" in commands[0][2]
    assert commands[0][3:6] == ["install", "--quiet", "--target"]
    assert commands[0][6:] == [str(tmp_path / "new"), "tf-keras", "transformers>=4.57,<5", "numpy==2.4.6"]
    assert "--overlay" in capsys.readouterr().out
    (tmp_path / "file").touch()
    assert cli.main(["overlay", "tensorflow", str(tmp_path)]) == 2

"""The axis `weights`: those of a folder or of the Hugging Face cache, in the memory of the process."""

from __future__ import annotations

import json

import pytest
import torch
from support.models import short, tiny_bert
from support.workloads import open_runtime, prepare
from transformers import BertForMaskedLM, BertModel

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.protocol.measurement import MEGABYTE

pytestmark = [pytest.mark.measures, pytest.mark.usefixtures("no_hub")]

SIZES = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 8, "vocab_size": 20_000}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Write a checkpoint of 44 MB."""
    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(1)
    BertForMaskedLM(tiny_bert(**SIZES)).save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_checkpoint(tmp_path):
    torch.manual_seed(1)
    BertForMaskedLM(tiny_bert()).save_pretrained(tmp_path)
    return tmp_path


def run(*models, **given):
    args = short(models=[str(model) for model in models], **{"memory": False, "weights": "pretrained", **given})
    return PyTorchBenchmark(args).run()


def test_both_kinds_of_weights_in_one_run(tiny_checkpoint):
    results = run(tiny_checkpoint, weights=["random", "pretrained"], attn_implementation=["eager", "sdpa"])
    assert list(results.frame["status"]) == ["ok"] * 4, list(results.frame["error"])
    assert sorted(results.frame["weights"]) == ["pretrained"] * 2 + ["random"] * 2
    assert sorted(results.frame["attn_implementation"]) == ["eager"] * 2 + ["sdpa"] * 2
    assert f"{tiny_checkpoint} [eager, pretrained weights]" in results.labels
    for case, measurement in results.entries:
        assert ("load_s" in measurement.details) == (case.settings["weights"] == "pretrained")
        assert measurement.details.get("load_s", 0.0) <= measurement.costs.build_s
        assert measurement.note == ""


@pytest.mark.parametrize(("executor", "dtype"), [("local", "float32"), ("local", "bfloat16"), ("fresh", "float32")])
def test_weights_are_in_the_memory_of_the_process(checkpoint, dtype, executor):
    given = {"dtype": dtype, "training": executor == "local", "speed": False}  # a new interpreter takes seconds
    args = short(models=[str(checkpoint)], weights=["random", "pretrained"], **given)
    frame = PyTorchBenchmark(args).run(executor=executor).frame
    assert set(frame["status"]) == {"ok"}, list(frame["error"])
    weights = sum(p.numel() for p in BertForMaskedLM(tiny_bert(**SIZES)).parameters())
    weights_mb = weights * (4 if dtype == "float32" else 2) / MEGABYTE
    for row in frame[frame["weights"] == "pretrained"].to_dict("records"):
        assert row["weights_mb"] == pytest.approx(weights_mb, rel=0.02, abs=1)
        assert row["memory_mb"] == pytest.approx(row["baseline_mb"] + row["weights_mb"] + row["working_mb"])
    by_task = frame.set_index(["task", "weights"])
    for task in set(frame["task"]):
        random, pretrained = by_task.loc[(task, "random")], by_task.loc[(task, "pretrained")]
        # Pages of the file that were not read would be taken off the baseline, and added to what a pass needs.
        assert -1 < pretrained["baseline_mb"] - random["baseline_mb"] < 12
        assert pretrained["working_mb"] == pytest.approx(random["working_mb"], rel=0.05, abs=1)


def loaded(folder, task="inference", **given):
    runtime = open_runtime(settings={"weights": "pretrained"}, **given)
    return prepare(runtime, find_model(str(folder), ask_hub=False), task, 1, 8)


def test_the_model_has_the_weights_of_the_checkpoint(tiny_checkpoint):
    expected = BertForMaskedLM.from_pretrained(tiny_checkpoint).state_dict()
    found = loaded(tiny_checkpoint).model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    half = loaded(tiny_checkpoint, task="training", only_pretrain_model=True).model
    assert half.training


def test_weights_that_the_checkpoint_lacks_are_random_and_told(tmp_path):
    BertModel(tiny_bert(), add_pooling_layer=False).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "architectures": ["BertForSequenceClassification"]}))
    prepared = loaded(tmp_path)
    assert type(prepared.model).__name__ == "BertForSequenceClassification"
    assert (
        "4 of 41 weights are not in the checkpoint and are random (bert.pooler.dense.bias, bert.pooler" in prepared.note
    )


def test_a_variant_with_fewer_layers_uses_the_weights_that_it_has(tiny_checkpoint):
    (row,) = run(f"{tiny_checkpoint}:num_hidden_layers=1").frame.to_dict("records")
    assert row["status"] == "ok", row["error"]


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.safetensors.index.json"])
def test_older_and_sharded_files_are_read(tmp_path, file):
    model = BertForMaskedLM(tiny_bert())
    model.save_pretrained(tmp_path, max_shard_size="20KB" if "index" in file else "1GB")
    if file == "pytorch_model.bin":
        torch.save(model.state_dict(), tmp_path / file)
        (tmp_path / "model.safetensors").unlink()
    assert (tmp_path / file).exists()
    expected = model.state_dict()
    found = loaded(tmp_path).model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_what_has_no_weights_is_a_row_that_says_where_to_get_them(model, tiny_checkpoint, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for file in tiny_checkpoint.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "model.safetensors").write_bytes(b"torn")
    without = tmp_path_factory.mktemp("without")
    (without / "config.json").write_text((tiny_checkpoint / "config.json").read_text())
    results = run(without, "google-bert/bert-base-uncased", f"{tiny_checkpoint}:hidden_size=64", other, tiny_checkpoint)
    assert list(results.frame["status"]) == ["error"] * 4 + ["ok"]
    folder, cached, misfit, torn, _ = results.frame["error"]
    assert "has no weights (model.safetensors or pytorch_model.bin), only a configuration; model.save_pretr" in folder
    assert (
        "the weights of google-bert/bert-base-uncased are not in the Hugging Face cache, and were not fetched" in cached
    )
    assert "`hf download google-bert/bert-base-uncased` fetches them" in cached
    assert "do not fit the model or cannot be read" in misfit
    assert "cannot be read" in torn or "header" in torn.lower()


def test_weights_of_another_model_are_refused(tiny_checkpoint):
    from safetensors.torch import save_file

    save_file({"something.else": torch.ones(2)}, tiny_checkpoint / "model.safetensors", metadata={"format": "pt"})
    (error,) = run(tiny_checkpoint).frame["error"]
    assert "are another model's: BertForMaskedLM has none of them" in error


def test_weights_come_from_the_hugging_face_cache(tiny_checkpoint, tmp_path_factory, monkeypatch):
    cache = tmp_path_factory.mktemp("hub")
    snapshot = cache / "models--me--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for file in tiny_checkpoint.iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())
    (cache / "models--me--tiny" / "refs").mkdir()
    (cache / "models--me--tiny" / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    results = run("me/tiny")
    assert list(results.frame["status"]) == ["ok"], list(results.frame["error"])
    assert results.environment["configurations_from"] == {"me/tiny": "cache"}

"""Models that functions of the user's build, measured as others are."""

from __future__ import annotations

import pytest
import torch
from support.models import short, tiny_bert, tiny_gpt2
from support.own_models import WEIGHTS_MB, WIDTH, Net, Scalar, WithLoss, error_of, inputs, measure
from transformers import BertForMaskedLM, BertModel, GPT2LMHeadModel

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.worker.backends.pytorch_weights import StoredTensors

pytestmark = pytest.mark.measures


# ---- measured


def test_a_sweep_of_factories_and_configurations_is_one_of_models():
    args = short(models=["net", "bert"], batch_sizes=[1, 2], sequence_lengths=[8, 16])
    results = PyTorchBenchmark(args, configs=[Net, tiny_bert()], inputs=[inputs, None]).run()
    frame = results.frame
    assert set(frame["status"]) == {"ok"}, list(frame["error"])
    assert list(frame["model"]) == ["net"] * 4 + ["bert"] * 4
    assert list(frame["weights"]) == ["factory"] * 4 + ["random"] * 4
    assert results.labels == list(frame["model"])
    assert results.environment["configurations_from"] == {"net": "factory", "bert": "configs argument"}
    assert results.table("time_s").shape == (4, 2)
    assert results.plot() is not None
    details, facts = results.entries[3][1].details, results.entries[3][1].model_facts
    assert details["inputs"] == {"x": [2, 16, WIDTH]}
    assert (facts.model_class, facts.parameters) == ("Net", 2 * WIDTH * (WIDTH + 1))
    assert "loss" not in details


def test_a_factory_may_return_a_model_of_transformers_whose_inputs_are_made():
    gpt2, bert = tiny_gpt2(), tiny_bert()
    factories = (lambda: GPT2LMHeadModel(gpt2), lambda: BertForMaskedLM(bert))
    frame = measure(*factories, inputs=None, training=True, attn_implementation=["eager", "sdpa"]).frame
    *of_gpt2, _, _, sdpa, _ = frame.to_dict("records")
    for row in (*of_gpt2, sdpa):
        assert row["status"] == "ok", row["error"]
    assert [row["attn_implementation"] for row in of_gpt2] == ["eager", "eager", "sdpa", "sdpa"]
    # Some models of Transformers 4 have layers for one kernel, and it cannot be changed any more.
    for row in frame[frame["status"] != "ok"].to_dict("records"):
        assert (row["model"], row["attn_implementation"]) == ("m1", "eager")
        assert (
            "cannot be set for the BertForMaskedLM that the factory returned: the factory itself must" in row["error"]
        )


def test_inputs_of_the_users_own_are_also_for_configurations():
    def text(batch_size, sequence_length):
        return {"input_ids": torch.full((batch_size, sequence_length), 7), "attention_mask": None}

    ((_, measurement),) = measure(tiny_bert(), inputs=text).entries
    assert measurement.succeeded, measurement.failure
    assert measurement.details["inputs"] == {"input_ids": [1, 8]}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_what_the_modules_tensors_take_wherever_the_factory_has_them_from(dtype):
    held = Net()

    def with_ballast():
        ballast = torch.ones(32, MEGABYTE)
        net = Net()
        net.ballast = [ballast]  # held, but no weight
        return net

    def never_written():
        with torch.device("meta"):
            net = Net()
        return net.to_empty(device="cpu")

    def tied():
        net = Net()
        net.layers.append(net.layers[0])
        net.register_buffer("kept", torch.ones(MEGABYTE // 4))
        net.register_buffer("mask", torch.ones(8 * MEGABYTE // 4, dtype=torch.float32), persistent=False)
        return net

    factories = [Net, lambda: held, with_ballast, never_written, tied]
    frame = measure(*factories, memory=True, speed=False, dtype=dtype).frame.set_index("model")
    assert set(frame["status"]) == {"ok"}, list(frame["error"])
    share = 1.0 if dtype == "float32" else 0.5
    kept = [0, 0, 0, 0, 1 * share]
    for model, more in zip(frame.index, kept, strict=True):
        assert frame.loc[model, "weights_mb"] == pytest.approx(WEIGHTS_MB * share + more, abs=0.01)
    parts = frame["baseline_mb"] + frame["weights_mb"] + frame["working_mb"]
    assert frame["memory_mb"].to_list() == pytest.approx(parts.to_list())
    baseline = frame["baseline_mb"] - frame.loc["m0", "baseline_mb"]
    # What is weights is really there: otherwise what is missing would be taken off the baseline.
    assert baseline["m3"] == pytest.approx(0, abs=1)
    assert baseline["m2"] == pytest.approx(128 * share, abs=2)
    assert abs(baseline["m4"]) < 2
    assert frame.loc["m4", "working_mb"] - frame.loc["m0", "working_mb"] == pytest.approx(8, abs=1.5)


def test_weights_that_were_already_in_memory_do_not_count_twice():
    held = Net()
    first, second = measure(Net, lambda: held, memory=True, speed=False).frame["memory_mb"]
    assert second - first < WEIGHTS_MB + 1  # with the pickle that they come in, which is dropped


def test_weights_of_a_mapped_file_are_read(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(Net().state_dict(), path)

    def mapped():
        with torch.device("meta"):
            net = Net()
        net.load_state_dict(torch.load(path, mmap=True), assign=True)
        return net

    plain, file = measure(Net, mapped, memory=True, speed=False).frame.to_dict("records")
    assert (plain["status"], file["status"]) == ("ok", "ok"), file["error"]
    assert file["weights_mb"] == pytest.approx(WEIGHTS_MB, abs=0.01)
    assert file["baseline_mb"] == pytest.approx(plain["baseline_mb"], abs=3)
    assert file["memory_mb"] == pytest.approx(plain["memory_mb"], abs=3)


def test_quantised_and_sparse_weights_count_by_what_they_hold():
    net = torch.nn.Module()
    net.register_buffer("adjacency", torch.eye(64).to_sparse())
    net.register_buffer("rows", torch.eye(64).to_sparse_csr())
    net.register_buffer("whole", torch.arange(100.0).expand(50, 100))
    net.weight = torch.nn.Parameter(torch.arange(100.0))
    net.view = torch.nn.Parameter(net.weight.detach()[10:20])
    net.empty = torch.nn.Parameter(torch.empty(0))
    coordinates, rows, others = (2 * 8 + 4) * 64, 65 * 8 + (8 + 4) * 64, 2 * 400
    assert StoredTensors.of(net).weights_bytes == coordinates + rows + others


# ---- data types


def test_what_a_factory_creates_has_the_data_type_that_was_asked_for():
    for factory in (Net, lambda: Net(dtype=torch.float32), lambda: Net(dtype=torch.bfloat16)):
        (row,) = measure(factory, dtype="bfloat16", memory=True).frame.to_dict("records")
        assert row["status"] == "ok", row["error"]
        assert row["weights_mb"] == pytest.approx(WEIGHTS_MB / 2, abs=0.01)


def test_another_data_type_is_never_undone():
    error = error_of(lambda: Net(dtype=torch.bfloat16))
    assert "the factory built its weights in bfloat16 and dtype='float32' was asked for: give dtype='bfloat16'" in error


# ---- training


@pytest.mark.parametrize(
    ("factory", "loss", "what"),
    [
        (Net, lambda state: state.square().mean(), "loss="),
        (WithLoss, None, "the model"),
        (Scalar, None, "the model"),
        (WithLoss, lambda outputs: outputs["state"].sum(), "loss="),
    ],
)
def test_training_minimises_the_users_loss_or_the_models(factory, loss, what):
    ((_, measurement),) = measure(factory, loss=loss, inference=False, training=True).entries
    assert measurement.succeeded, measurement.failure
    assert measurement.details["loss"] == f"what {what} returns"


@pytest.mark.parametrize("factory", [lambda: BertModel(tiny_bert()), tiny_bert()])
def test_a_loss_is_also_for_models_of_transformers(factory):
    loss = lambda outputs: outputs[0].sum()  # noqa: E731
    frame = measure(factory, inputs=None, loss=loss, training=True).frame
    assert list(frame["status"]) == ["ok", "ok"], list(frame["error"])


def test_a_gradient_reaches_every_weight(tmp_path):
    path = str(tmp_path / "gradients")

    class Noting(Scalar):
        def zero_grad(self, set_to_none=True):
            with open(path, "a") as file:
                file.write("".join("0" if weight.grad is None else "1" for weight in self.parameters()) + "\n")
            super().zero_grad(set_to_none)

    measure(Noting, inference=False, training=True, speed=False, memory=True)
    with open(path) as file:
        assert file.read().split() == ["0000", "1111", "0000"]  # what was left is dropped before memory is read

"""What calls compute and move: against closed formulas, on meta tensors and by running them."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import transformers
from support.models import short, tiny_bert, tiny_gpt2, tiny_t5
from support.tiny import tiny

from hfbench_nb import PyTorchBenchmark, measure
from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.first_tokens import generate_first
from hfbench_nb.worker.backends.meta_results import NewTensors, description_of
from hfbench_nb.worker.backends.pytorch_attention import AttentionWatch
from hfbench_nb.worker.backends.pytorch_counting import Counting, _counted, _on_meta
from hfbench_nb.worker.backends.pytorch_flops import formula_of
from hfbench_nb.worker.backends.pytorch_generation import Generate

pytestmark = [pytest.mark.measures]

LENGTH, BATCH = 16, 2


def counted(config, **given):
    results = PyTorchBenchmark(
        short(batch_sizes=[BATCH], sequence_lengths=[LENGTH], memory=False, **given), configs=[config]
    ).run()
    ((_, measurement),) = results.entries
    assert measurement.status == "ok", measurement.failure
    assert "no_flops" not in measurement.details
    return results.frame.iloc[0], measurement


def encoder_flops(config, length=LENGTH, batch=BATCH):
    """Return what J. Kaplan et al. (2020, arXiv:2001.08361, table 1) count, and attention over all pairs."""
    width, inner = config.hidden_size, config.intermediate_size
    projections = 4 * width * width + 2 * width * inner
    return batch * config.num_hidden_layers * (2 * length * projections + 4 * length * length * width)


def test_the_operations_of_an_encoder_are_those_of_the_closed_formula():
    config = tiny_bert(architectures=["BertModel"])
    row, measurement = counted(config)
    pooler = 2 * BATCH * config.hidden_size**2
    assert row["flops"] == encoder_flops(config) + pooler
    assert row["gflops_per_s"] == pytest.approx(row["flops"] / row["time_s"] / 1e9)
    assert 0 < row["utilization"] <= 1.02
    # All weights are read but most rows of the embeddings, at least once by the operations.
    weights_mb = 4 * measurement.model_facts.parameters / 2**20
    assert 0 < measurement.metrics["parameters_read_mb"] < weights_mb < measurement.metrics["moved_mb"]


def test_a_backward_pass_computes_twice_as_much():
    config = tiny_bert(architectures=["BertModel"], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    forward = counted(config, attn_implementation="eager")[0]["flops"]
    whole = counted(config, attn_implementation="eager", inference=False, training=True)[0]["flops"]
    # The first layer's inputs need no gradients only where they are no result of embeddings, which are trained.
    assert whole == pytest.approx(3 * forward, rel=0.01)


def test_fused_attention_counts_like_separate_products():
    config = tiny_gpt2()
    fused, apart = (counted(config, attn_implementation=name)[0]["flops"] for name in ("sdpa", "eager"))
    assert fused == apart


def test_grouped_heads_of_keys_and_values_count_for_each_query():
    given = torch.empty(2, 8, 16, 4, device="meta"), *(torch.empty(2, 2, 16, 4, device="meta") for _ in range(2))
    for name in ("_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"):
        formula = formula_of(getattr(torch.ops.aten, name))
        assert formula(*given, 0.0, True, out_val=given[0]) == 2 * 2 * 8 * 16 * 16 * (4 + 4)
    backward = formula_of(torch.ops.aten._scaled_dot_product_flash_attention_backward)
    assert backward(given[0], *given, out_val=given[0]) == 2 * 2 * 8 * 16 * 16 * 5 * 4


def test_a_mixture_of_experts_computes_what_its_tokens_are_routed_to():
    from transformers import MixtralConfig

    config = MixtralConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        vocab_size=100, num_local_experts=4, num_experts_per_tok=2, head_dim=16, max_position_embeddings=64,
        architectures=["MixtralForCausalLM"],
    )  # fmt: skip
    tokens = BATCH * LENGTH
    attention = 2 * tokens * (2 * 32 * 32 + 2 * 32 * 16) + 4 * BATCH * LENGTH * LENGTH * 32
    experts = 2 * tokens * 2 * 3 * 32 * 48
    router = 2 * tokens * 32 * 4
    head = 2 * tokens * 32 * 100
    row, _ = counted(config)
    assert row["flops"] == pytest.approx(2 * (attention + experts + router) + head, rel=0.001)


def test_a_generation_counts_each_token_and_what_it_must_read():
    config = tiny_gpt2()
    row, measurement = counted(config, inference=False, generation=True, new_tokens=4)
    width, tokens = config.n_embd, LENGTH + 3  # the last token is not read
    layers = config.n_layer * 2 * tokens * (4 * width * width + 2 * width * 4 * width)
    heads = 2 * width * config.vocab_size * 4  # of the last token of the prompt, and of each new one
    pairs = LENGTH * LENGTH + sum(range(LENGTH + 1, LENGTH + 4))
    assert row["flops"] == pytest.approx(BATCH * (layers + heads + config.n_layer * 4 * pairs * width), rel=0.002)
    token_mb = measurement.metrics["token_parameters_mb"]
    assert token_mb == pytest.approx(4 * (measurement.model_facts.parameters - 64 * width) / 2**20, rel=0.02)
    assert row["bandwidth_utilization"] > 0


def test_what_is_profiled_after_counting_is_the_generation_that_was_measured():
    _, measurement = counted(tiny_gpt2(), inference=False, generation=True, new_tokens=30, profile=True)
    assert measurement.profile.note.startswith("8 of 30 new tokens were traced")


def test_an_encoder_decoder_generates_and_is_counted():
    row, _ = counted(tiny_t5(), inference=False, generation=True, new_tokens=4)
    assert row["flops"] > 0


def refused(next_phase):
    raise AssertionError("it was computed")


def counting(call):
    """Return what counts a call, and knows which kernels of attention it runs."""
    watch, made = AttentionWatch(), Counting()
    with watch.watching():
        call(lambda: None)
    made.attention_kernels = tuple(dict.fromkeys(watch.kernels()))
    return made


@pytest.mark.parametrize(
    ("model_type", "training"),
    [*((name, way) for name in ("bert", "gpt2", "llama", "qwen3", "vit") for way in (False, True)), ("t5", False)],
)
def test_passes_of_plain_models_are_followed_and_count_like_those_that_are_computed(model_type, training):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    model = getattr(transformers, config.architectures[0])(config).eval()
    ids = torch.ones(2, 8).long()
    given = {"pixel_values": torch.zeros(1, 3, 32, 32)} if model_type == "vit" else {"input_ids": ids}
    if training:
        given["labels"] = torch.zeros(1).long() if model_type == "vit" else ids
    if model_type == "t5":
        given["decoder_input_ids"] = ids
    inputs = CallInputs(given)

    def call_of(model, inputs):
        def call(next_phase):
            model.zero_grad()
            with torch.set_grad_enabled(training):
                outputs = model(**inputs.tensors)
            if training:
                outputs.loss.backward()

        return call

    call = call_of(model, inputs)
    followed, computed = counting(call).count(refused, call_of, model, inputs)[0], _counted(call, model)[0]
    assert (followed.flops, followed.parameter_bytes) == (computed.flops, computed.parameter_bytes)
    assert followed.moved_bytes == pytest.approx(computed.moved_bytes, rel=1e-3)


def test_each_further_layer_adds_as_much_and_none_of_its_operations_is_new(monkeypatch):
    remembered, remember = [], NewTensors.__init__

    def noted(self, out):
        remembered.append(out)
        remember(self, out)

    monkeypatch.setattr(NewTensors, "__init__", noted)

    def call_of(model, inputs):
        return torch.no_grad()(lambda next_phase: model(**inputs.tensors))

    counts, operations = [], []
    for layers in (2, 3, 4):
        model = transformers.BertModel(tiny_bert(num_hidden_layers=layers)).eval()
        inputs = CallInputs({"input_ids": torch.ones(2, 8).long()})
        counts += counting(call_of(model, inputs)).count(refused, call_of, model, inputs)
        operations.append(len(remembered))
        remembered.clear()
    for of in ("flops", "parameter_bytes", "moved_bytes"):
        two, three, four = (getattr(count, of) for count in counts)
        assert four - three == three - two > 0
    assert operations[0] == operations[1] == operations[2] > 10


def test_operations_are_alike_only_where_their_results_are():
    aten, whole = torch.ops.aten, torch.empty(4, 8, dtype=torch.int32, device="meta")
    described = [
        description_of(*each)
        for each in [
            (aten.add.Scalar, (whole, 1), {}),
            (aten.add.Scalar, (whole, 1.0), {}),
            (aten.add.Scalar, (whole.long(), 1), {}),
            (aten.add.Scalar, (whole.t(), 1), {}),
            (aten.sub.Scalar, (whole, 1), {}),
            (aten.sum.dim_IntList, (whole, [0, 1]), {}),
            (aten.sum.dim_IntList, (whole, [0, 1]), {"dtype": torch.float64}),
        ]
    ]
    assert len(set(described)) == len(described)
    assert description_of(aten.add.Scalar, (torch.empty_like(whole), 1), {}) == described[0]
    # Numbers may matter; and what a number of Python's own becomes, a tensor on the CPU, decides about types otherwise.
    assert description_of(aten.add.Tensor, (whole, torch.ones(())), {}) is None
    assert description_of(aten.add.Tensor, (torch.ones(2), torch.ones(2)), {}) is None
    # Sparse tensors of one shape hold more or fewer values, and say that their strides are zeros.
    places = torch.empty(2, 4, dtype=torch.int64, device="meta")
    sparse = torch.sparse_coo_tensor(places, torch.empty(4, device="meta"), (5, 5), check_invariants=False)
    assert description_of(aten._values.default, (sparse,), {}) is None


def test_results_follow_the_default_type():
    counts = []
    for kind in (torch.float32, torch.float64):
        call = partial(torch.ones, 3, device="meta")

        def twice(next_phase, kind=kind, call=call):
            call()
            next_phase()
            torch.set_default_dtype(kind)
            assert call().dtype is kind

        try:
            counts += _counted(twice, torch.nn.Linear(1, 1))
        finally:
            torch.set_default_dtype(torch.float32)
    assert [count.moved_bytes for count in counts] == [12, 12, 12, 24]


def test_new_tensors_are_made_again_and_views_are_not():
    given = torch.empty(6, 4, device="meta")
    for out in (given.t(), given.split(2), given[0], given.add_(1), torch.ones(3), given.expand(2, 6, 4), None, ()):
        assert NewTensors.of(out, [given]) is None
    values, places = again = NewTensors.of(torch.ops.aten.max.dim(given, 0), [given]).make()
    assert (values.shape, values.dtype, places.dtype, type(again)) == ((4,), torch.float32, torch.int64, tuple)
    transposed = NewTensors.of(torch.empty(4, 6, device="meta").t(), [given]).make()
    assert (transposed.shape, transposed.stride(), transposed.is_meta) == ((6, 4), (1, 6), True)


@pytest.mark.parametrize(
    ("model_type", "cache"),
    [("gpt2", None), ("llama", None), ("llama", "static"), ("qwen3", None), ("t5", None), ("gemma3_text", None)],
)
def test_generations_are_followed_by_transformers_5_and_count_like_those_that_are_computed(model_type, cache):
    config = transformers.AutoConfig.for_model(**tiny(model_type))
    model = getattr(transformers, config.architectures[0])(config).eval()
    inputs = CallInputs({"input_ids": torch.ones(2, 8).long(), "attention_mask": torch.ones(2, 8).long()})

    def call_of(model, inputs):
        return partial(generate_first, 3, Generate(model, inputs.tensors, 8, 20, cache))

    # Transformers 4 reads how far a text is out of a tensor.
    computing = call_of(model, inputs)
    call = refused if int(transformers.__version__.split(".")[0]) >= 5 else computing
    followed, computed = counting(computing).count(call, call_of, model, inputs), _counted(computing, model)
    assert len(followed) == len(computed) == 4
    for one, other in zip(followed, computed, strict=True):
        assert (one.flops, one.parameter_bytes) == (other.flops, other.parameter_bytes)
        assert one.moved_bytes == pytest.approx(other.moved_bytes, rel=1e-3)


def test_a_static_cache_is_counted_with_room_for_all_tokens():
    config = tiny_gpt2()
    given = {"inference": False, "generation": True, "cache_implementation": "static"}
    few, many = (counted(config, new_tokens=number, **given)[0] for number in (4, 30))
    heads = 2 * config.n_embd * config.vocab_size
    layers = config.n_layer * (24 * config.n_embd**2 + 4 * (LENGTH + 30) * config.n_embd)
    assert many["flops"] == pytest.approx(BATCH * (30 * heads + (LENGTH + 29) * layers), rel=0.05)
    assert few["flops"] < many["flops"]


def test_what_cannot_be_followed_without_numbers_is_run():
    class Reads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(8, 8)

        def forward(self, x):
            return self.layer(x) if float(x.sum()) < 1e9 else x

    model, inputs = Reads(), CallInputs({"x": torch.ones(4, 8)})

    def call_of(model, inputs):
        return lambda next_phase: model(**inputs.tensors)

    call = call_of(model, inputs)
    (found, *_) = counting(call).count(call, call_of, model, inputs)
    assert found.flops == 2 * 4 * 8 * 8


def test_a_call_that_runs_several_kernels_of_attention_is_run():
    model, inputs = torch.nn.Linear(8, 8), CallInputs({"x": torch.ones(4, 8)})
    made = Counting()
    made.attention_kernels = ("flash (CPU)", "math")
    with pytest.raises(AssertionError, match="it was computed"):
        made.count(refused, lambda model, inputs: lambda next_phase: model(inputs.tensors["x"]), model, inputs)


def test_a_model_on_meta_tensors_shares_what_it_shared_and_leaves_the_model_alone():
    model = torch.nn.ModuleDict({"a": torch.nn.Linear(4, 4), "b": torch.nn.Linear(4, 4)})
    model["b"].weight = model["a"].weight
    twin = _on_meta(model)
    assert twin["a"].weight is twin["b"].weight
    assert twin["a"].weight.is_meta
    assert not model["a"].weight.is_meta


def test_functions_have_no_count():
    frame = measure(lambda: torch.ones(8, 8) @ torch.ones(8, 8), framework="pytorch", memory=False).frame
    assert frame["status"][0] == "ok"
    assert not {"flops", "utilization"} & set(frame)

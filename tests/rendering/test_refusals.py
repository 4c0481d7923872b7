"""Values that are none of those known: what is allowed is listed, and what may have been meant."""

import pytest
from support.measured import results_of, sweep

from hfbench_nb import ArgumentError, PyTorchBenchmark, PyTorchBenchmarkArguments, estimate, measure
from hfbench_nb.rendering.suggestions import no_such

pytestmark = [pytest.mark.shows, pytest.mark.quick]

ARGS = PyTorchBenchmarkArguments(models=["bert-base-uncased"])


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda results: results.plot("time"), "Did you mean time_s"),
        (lambda results: results.plot(along="batch"), "Did you mean batch_size?"),
        (lambda results: results.plot(task="inferense"), "Did you mean inference?"),
        (lambda results: results.plot_memory(task="inferense"), "Did you mean inference?"),
        (lambda results: results.table("time"), "Did you mean time_s"),
        (lambda results: results.table(index=["model", "batchsize"]), "Did you mean batch_size?"),
        (lambda results: results.to_markdown(style="llama"), "Did you mean llama-bench?"),
        (lambda results: results.to_json("github"), "Did you mean github-action-benchmark?"),
        (lambda results: results.to_json(values=["memry_mb"]), "Did you mean memory_mb?"),
        (lambda results: results.nested("inference", "spead"), "Did you mean speed?"),
        (lambda results: results.scaling().predict(64, model="brt"), "Did you mean bert?"),
        (lambda results: results.compare(results).plot("memory"), "Did you mean memory_mb?"),
        (lambda results: PyTorchBenchmarkArguments(models=["gpt2"], dtype="float23"), "Did you mean float32"),
    ],
)
def test_a_name_that_is_not_known_is_refused_with_the_closest(ask, hint):
    with pytest.raises(ArgumentError, match=r"cannot be used: \w+ must be") as refused:
        ask(sweep())
    assert hint in str(refused.value)


def test_where_there_is_nothing_it_says_so():
    with pytest.raises(ArgumentError, match=r"task='x' cannot be used: task must be left out: there is none\.$"):
        results_of().plot(task="x")
    assert str(no_such("n", 3, [1, 2, 4])) == "n=3 cannot be used: n must be 1, 2 or 4."


@pytest.mark.parametrize("display", ["x", False, 1, object(), type("Display", (), {"show": print})])
@pytest.mark.parametrize(
    "begin",
    [
        lambda display: PyTorchBenchmark(ARGS).run(display=display),
        lambda display: PyTorchBenchmark(ARGS).find_largest("batch_size", display=display),
        lambda display: estimate(ARGS, display=display),
        lambda display: measure(sorted, setup=list, display=display),
    ],
)
def test_what_cannot_show_progress_is_refused(begin, display):
    allowed = r"display must be None, or an object with the methods show, log and close, such as .*NoDisplay\(\)\.$"
    with pytest.raises(ArgumentError, match=allowed):
        begin(display)

"""A real Jupyter kernel, and a real IPython shell for the magics."""

from __future__ import annotations

import os
import time

import psutil
import pytest
from support.kernels import executed
from support.processes import runs, wait_until

pytestmark = [pytest.mark.shows, pytest.mark.xdist_group("measuring")]

SETUP = """
from transformers import BertConfig
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
class MyConfig(BertConfig):
    def __init__(self, **kwargs):
        super().__init__(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, **kwargs)
args = PyTorchBenchmarkArguments(models=["mine"], batch_sizes=[1], sequence_lengths=[8, 16], max_seconds=0.05, rounds=1)
"""


OWN_MODEL = """
import torch
from transformers import AutoModel, PretrainedConfig, PreTrainedModel
class OwnConfig(PretrainedConfig):
    model_type = "own"
    vocab_size = 10
class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    def __init__(self, config):
        super().__init__(config)
        self.embedding = torch.nn.Embedding(10, 4)
        self.post_init()
    def forward(self, input_ids):
        return (self.embedding(input_ids),)
AutoModel.register(OwnConfig, OwnModel)
frame = PyTorchBenchmark(args, configs=[OwnConfig()]).run().frame
print(list(frame["status"]), list(frame["error"]))
"""


CELLS = (
    SETUP,
    "results = PyTorchBenchmark(args, configs=[MyConfig()]).run(); results",
    "print(results)",
    "%matplotlib inline\nresults.plot();",
    OWN_MODEL,
    "import os; print(os.getpid())",
)


@pytest.fixture(scope="module")
def outputs():
    """What the notebook cells of one kernel show; it runs until the end of these tests, or until one kills it."""
    with executed(*CELLS) as shown:
        yield shown


def test_a_notebook_shows_tables_progress_in_one_output_and_the_plot(outputs):
    _, shown, printed, plotted, *_ = outputs
    progress, result = shown
    assert progress.output_type == "display_data"
    assert progress.data["text/plain"].startswith("2 of 2 cases in ")
    assert result.output_type == "execute_result"
    assert "<table" in result.data["text/html"]
    assert "INFERENCE - SPEED - RESULT" in result.data["text/plain"]
    assert "INFERENCE - MEMORY - RESULT" in printed[0].text
    assert [output.data.keys() >= {"image/png"} for output in plotted] == [True]


def test_a_model_class_defined_in_a_cell_is_measured(outputs):
    assert outputs[4][-1].text == "['ok', 'ok'] ['', '']\n"


def test_a_killed_kernel_leaves_no_process(outputs):
    kernel = psutil.Process(int(outputs[-1][-1].text))
    left = kernel.children(recursive=True)
    assert left
    kernel.kill()
    assert wait_until(lambda: not any(runs(process.pid) for process in left), 2.0)


def test_waiting_costs_the_caller_next_to_nothing(model):
    """The parent must not spin while the child measures: it would slow what it measures."""
    from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

    args = PyTorchBenchmarkArguments(
        models=[str(model)],
        batch_sizes=[1],
        sequence_lengths=[8],
        max_seconds=2.0,
        rounds=1,
        precision=1e-6,
        memory=False,
    )
    benchmark = PyTorchBenchmark(args)
    benchmark.run()  # starts what has to be started
    cpu_s, wall_s = time.process_time(), time.monotonic()
    benchmark.run()
    assert (time.process_time() - cpu_s) / (time.monotonic() - wall_s) < 0.1
    assert os.getpid()

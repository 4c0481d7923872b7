from __future__ import annotations

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from support.models import short

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments
from hfbench_nb.arguments.sweep import combinations

pytestmark = pytest.mark.quick

# From transformers 4.48.3, benchmark_args_utils.py and benchmark_args.py: names and defaults (file names apart).
ORIGINAL = {
    "batch_sizes": [8],
    "sequence_lengths": [8, 32, 128, 512],
    "inference": True,
    "cuda": True,
    "tpu": True,
    "fp16": False,
    "training": False,
    "verbose": False,
    "speed": True,
    "memory": True,
    "trace_memory_line_by_line": False,
    "save_to_csv": False,
    "log_print": False,
    "env_print": False,
    "multi_process": True,
    "repeat": 3,
    "only_pretrain_model": False,
    "torchscript": False,
    "torch_xla_tpu_print_metrics": False,
    "fp16_opt_level": "O1",
}
FILES = [
    "inference_time_csv_file", "inference_memory_csv_file", "train_time_csv_file", "train_memory_csv_file",
    "env_info_csv_file", "log_filename",
]  # fmt: skip


def test_names_and_defaults_are_the_originals():
    args = PyTorchBenchmarkArguments(models=["gpt2"])
    assert {name: getattr(args, name) for name in ORIGINAL} == ORIGINAL
    for name in FILES:
        stem = name.removesuffix("_csv_file").removesuffix("_filename")
        assert re.fullmatch(rf"{stem}_\d{{10}}\.csv", getattr(args, name))


def test_defaults_are_not_shared_between_objects():
    PyTorchBenchmarkArguments(models=["gpt2"]).batch_sizes.append(16)
    assert PyTorchBenchmarkArguments(models=["gpt2"]).batch_sizes == [8]


def test_every_field_has_help():
    assert all(field.metadata["help"].endswith(".") for field in dataclasses.fields(PyTorchBenchmarkArguments))


def test_json_gives_the_arguments_back():
    args = short(models=["a", "b"], training=True, threads=2)
    assert PyTorchBenchmarkArguments(**json.loads(args.to_json_string())) == args


def test_ranges_and_arrays_become_lists_of_numbers():
    args = PyTorchBenchmarkArguments(models=("a",), batch_sizes=range(1, 3), sequence_lengths=2 ** np.arange(3, 6))
    assert (args.models, args.batch_sizes, args.sequence_lengths) == (["a"], [1, 2], [8, 16, 32])
    assert json.loads(args.to_json_string())["sequence_lengths"] == [8, 16, 32]


def test_a_single_value_is_a_list_of_one():
    args = PyTorchBenchmarkArguments(models="gpt2", batch_sizes=8, sequence_lengths=np.int64(16), new_tokens=4)
    assert (args.models, args.batch_sizes, args.sequence_lengths, args.new_tokens) == (["gpt2"], [8], [16], [4])
    assert PyTorchBenchmarkArguments(batch_sizes=np.array([1, 2])).batch_sizes == [1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models": [3]}, "models=[3] cannot be used: models must be a name, or a list with at least one name, without "
                          "duplicates, as in ['gpt2']."),
        ({"models": ""}, "models='' cannot be used"),
        ({"models": 3}, "models=3 cannot be used"),
        ({"models": ["a", "a"]}, "models=['a', 'a'] cannot be used"),
        ({"models": [""]}, "models=[''] cannot be used"),
        ({"batch_sizes": [0]}, "batch_sizes=[0] cannot be used: batch_sizes must be a whole number of at least 1, "
                               "or a list of such numbers without duplicates."),
        ({"batch_sizes": ["8"]}, "batch_sizes=['8'] cannot be used"),
        ({"batch_sizes": "8"}, "batch_sizes='8' cannot be used"),
        ({"batch_sizes": 0}, "batch_sizes=0 cannot be used"),
        ({"batch_sizes": True}, "batch_sizes=True cannot be used"),
        ({"batch_size": 8}, "batch_size=8 cannot be used: PyTorchBenchmarkArguments has no such argument. Did you mean "
                            "batch_sizes?"),
        ({"seq_len": 8}, "seq_len=8 cannot be used: PyTorchBenchmarkArguments has no such argument. Did you mean "
                         "sequence_lengths?"),
        ({"qqq": 8}, "qqq=8 cannot be used: PyTorchBenchmarkArguments has no such argument."),
        ({"batch_sizes": [True]}, "batch_sizes=[True] cannot be used"),
        ({"sequence_lengths": [8, 8]}, "sequence_lengths=[8, 8] cannot be used"),
        ({"sequence_lengths": [8.5]}, "sequence_lengths=[8.5] cannot be used"),
        ({"inference": "yes"}, "inference='yes' cannot be used: inference must be True or False."),
        ({"dtype": "float64"}, "dtype='float64' cannot be used: dtype must be 'float32', 'float16' or 'bfloat16'."),
        ({"device": "gpu"}, "device='gpu' cannot be used: device must be 'auto', 'cpu', 'cuda', 'cuda:1', 'mps' or "
                            "'xpu'."),
        ({"repeat": 0}, "repeat=0 cannot be used: repeat must be a whole number of at least 1."),
        ({"threads": 0}, "threads=0 cannot be used"),
        ({"seed": -1}, "seed=-1 cannot be used"),
        ({"precision": 0.0}, "precision=0.0 cannot be used: precision must be a number above 0 and below 1."),
        ({"precision": float("nan")}, "precision=nan cannot be used"),
        ({"max_seconds": -1}, "max_seconds=-1 cannot be used: max_seconds must be a number above 0 and below 1e+09."),
        ({"max_seconds": math.inf}, "max_seconds=inf cannot be used: max_seconds must be a number above 0 and below"),
        ({"max_seconds": 10**400}, "max_seconds=1000"),
        ({"seed": 1 << 63}, "seed=9223372036854775808 cannot be used: seed must be a whole number from 0 to "
                            "9223372036854775807."),
        ({"threads": 100_000}, "threads=100000 cannot be used: threads must be a whole number from 1 to 8192."),
        ({"timeout_s": "60"}, "timeout_s='60' cannot be used"),
        ({"python": "/no/such/python"}, "python='/no/such/python' cannot be used"),
        ({"overlay": "/no/such/folder"}, "overlay='/no/such/folder' cannot be used"),
        ({"fp16_opt_level": "O4"}, "fp16_opt_level='O4' cannot be used: fp16_opt_level must be 'O0', 'O1', 'O2' or"),
        ({"speed": False, "memory": False}, "speed=False, memory=False leave nothing to measure"),
        ({"inference": False}, "inference=False, training=False, generation=False leave nothing to measure"),
        ({"fp16": True, "dtype": "bfloat16"}, "fp16=True and dtype='bfloat16' contradict each other"),
        ({"cuda": False, "device": "cuda"}, "cuda=False and device='cuda' contradict each other"),
        ({"save_to_csv": True, "train_time_csv_file": "/no/such/folder/t.csv"},
         "train_time_csv_file='/no/such/folder/t.csv' cannot be used: train_time_csv_file must be the path of a file "
         "in an existing, writable folder"),
        ({"log_print": True, "log_filename": "/no/such/folder/log"}, "log_filename='/no/such/folder/log' cannot be"),
    ],
)  # fmt: skip
def test_wrong_values_are_named(given, message):
    with pytest.raises(ArgumentError) as caught:
        short(**given)
    assert str(caught.value).startswith(message)


def test_an_unused_csv_path_is_not_checked():
    assert short(inference_time_csv_file="/no/such/folder/t.csv").inference_time_csv_file == "/no/such/folder/t.csv"


@pytest.mark.parametrize(
    "name", ["no_inference", "no_cuda", "no_tpu", "no_speed", "no_memory", "no_env_print", "no_multi_process"]
)
def test_old_negative_names_work_with_a_warning(name):
    training = {"training": True} if name == "no_inference" else {}
    with pytest.warns(FutureWarning, match=rf"{name} is deprecated: use {name[3:]}=False\."):
        args = short(**{name: True}, **training)
    assert getattr(args, name[3:]) is False


def test_old_and_new_name_together_are_refused():
    with pytest.raises(ArgumentError, match="no_speed and speed say the same thing"):
        short(no_speed=True, speed=True)


def test_attributes_set_later_are_checked_before_anything_runs():
    from hfbench_nb import PyTorchBenchmark

    args = short(models=["gpt2"])
    args.batch_sizes = [-1]
    with pytest.raises(ArgumentError, match=r"batch_sizes=\[-1\]"):
        PyTorchBenchmark(args)


def test_device_properties_of_a_machine_without_accelerator():
    args = short(device="cpu")
    assert (args.n_gpu, args.is_gpu, args.is_tpu, args.do_multi_processing) == (0, False, False, True)
    assert short(multi_process=False).do_multi_processing is False


def test_fp16_means_float16():
    assert [settings["dtype"] for settings in combinations(short(fp16=True))] == ["float16"]
    assert [settings["dtype"] for settings in combinations(short(dtype="bfloat16"))] == ["bfloat16"]

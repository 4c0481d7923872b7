"""Code that comes with a model."""

from __future__ import annotations

import json
import os
import sys

import pytest
from support.models import short

from hfbench_nb import PyTorchBenchmark

# One process imports the code of each type, and builds its model once.
pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("families")]

REMOTE_CODE = """
import os, pathlib
import torch
from transformers import PretrainedConfig, PreTrainedModel

pathlib.Path(__file__).with_name("imported").touch()
pathlib.Path(os.environ["HFBENCH_TEST_MARK"]).write_text(str(os.getpid()))


class OwnConfig(PretrainedConfig):
    model_type = "own_of_this_test"

    def __init__(self, width=8, vocab_size=50, **kwargs):
        self.width = width
        self.vocab_size = vocab_size
        super().__init__(**kwargs)


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.embed = torch.nn.Embedding(config.vocab_size, config.width)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids):
        return (self.embed(input_ids),)
"""


@pytest.fixture
def remote(tmp_path, monkeypatch):
    folder = tmp_path / "own"
    folder.mkdir()
    config = {
        "model_type": "own_of_this_test", "architectures": ["OwnModel"], "width": 12, "vocab_size": 50,
        "auto_map": {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_own.py").write_text(REMOTE_CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("HFBENCH_TEST_MARK", str(tmp_path / "mark"))
    return tmp_path / "mark"


def test_code_that_comes_with_a_model_runs_in_the_child_alone_and_only_when_asked_for(remote):
    refused = PyTorchBenchmark(short(models=["own"])).run()
    (error,) = refused.frame["error"]
    assert "own is defined by code of its own" in error
    assert "trust_remote_code=True" in error
    assert not remote.exists()

    results = PyTorchBenchmark(short(models=["own"], trust_remote_code=True, training=True)).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    assert {m.model_facts.model_class for _, m in results.entries} == {"OwnModel"}
    assert {m.model_facts.parameters for _, m in results.entries} == {600}
    assert int(remote.read_text()) != os.getpid()
    assert not [name for name in sys.modules if "modeling_own" in name]

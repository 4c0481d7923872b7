"""Attributes that arguments do not have: setting one is refused, since nothing would read it."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass
from typing import ClassVar

import pytest

from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.fields import option
from hfbench_nb.arguments.measurement import FunctionArguments

pytestmark = pytest.mark.quick


class Plain(PyTorchBenchmarkArguments):
    """A user's own class, which is no dataclass."""

    declared: int
    default = 3

    def __init__(self, **given):
        super().__init__(**given)
        self.declared = 1
        self.default = 2
        self._private = 3

    @property
    def doubled(self):
        return [2 * size for size in self.batch_sizes]

    @doubled.setter
    def doubled(self, sizes):
        self.batch_sizes = [size // 2 for size in sizes]


@dataclass(kw_only=True, repr=False)
class Own(PyTorchBenchmarkArguments):
    framework: ClassVar[str] = "PyTorch"
    extra: list[int] = option([1], "A list.", measured=False)


@pytest.mark.parametrize(
    ("made", "name", "message"),
    [
        (PyTorchBenchmarkArguments(), "batch_sizs", "PyTorchBenchmarkArguments has no such argument. Did you mean bat"),
        (PyTorchBenchmarkArguments(), "use_xla", "cannot be used with PyTorch: it is an argument of TensorFlow."),
        (TensorFlowBenchmarkArguments(), "generation", "with TensorFlow: it is an argument of PyTorch."),
        (FunctionArguments(), "max_second", "FunctionArguments has no such argument. Did you mean max_seconds?"),
        (Plain(), "declare", "Plain has no such argument."),
        (Own(), "extras", "Own has no such argument. Did you mean extra?"),
    ],
)
def test_a_misspelt_attribute_is_refused(made, name, message):
    with pytest.raises(ArgumentError) as refused:
        setattr(made, name, [1])
    assert str(refused.value).startswith(f"{name}=[1] cannot be used")
    assert message in str(refused.value)
    assert refused.value.parameters == (name,)
    assert name not in vars(made)


def test_what_a_class_declares_can_be_set():
    made = Plain(batch_sizes=[4])
    made.doubled = [16]
    assert (made.batch_sizes, made.declared, made.default, made._private) == ([8], 1, 2, 3)
    own = Own()
    own.extra = [2]
    own.batch_sizes = [16]
    own.check()
    assert own.to_dict()["extra"] == [2]


@pytest.mark.parametrize("made", [PyTorchBenchmarkArguments(models=["a"], batch_sizes=[2]), Own(extra=[5]), Plain()])
def test_copies_and_pickles_are_as_before(made):
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert vars(again) == vars(made)
    assert vars(dataclasses.replace(made, batch_sizes=[3]))["batch_sizes"] == [3]

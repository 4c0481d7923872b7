"""The catalogue: every configuration builds, and builds what was published."""

import copy
import dataclasses
import json
import re
from fractions import Fraction
from importlib import resources
from typing import Any

import pytest

from hfbench_nb import ModelNotFoundError, models
from hfbench_nb.configurations import catalog
from hfbench_nb.configurations.catalog import Checkpoint

pytestmark = pytest.mark.measures

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

try:
    from transformers.initialization import no_init_weights
except ImportError:  # Transformers 4
    from transformers.modeling_utils import no_init_weights

ALL = catalog.checkpoints()
each = pytest.mark.parametrize("checkpoint", ALL, ids=[checkpoint.name for checkpoint in ALL])

_NUMBER = re.compile(r"~?(?P<digits>[0-9][0-9,]*(?:\.[0-9]+)?)(?P<unit>[MB]?)")
_UNITS = {"": 1, "M": 10**6, "B": 10**9}


def value_and_last_digit(text: str) -> tuple[Fraction, Fraction]:
    """Return a written number and what one unit of its last digit is worth."""
    found = _NUMBER.fullmatch(text.strip())
    assert found, f"{text!r} is no number of parameters"
    digits, unit = found["digits"].replace(",", ""), _UNITS[found["unit"]]
    return Fraction(digits) * unit, Fraction(unit, 10 ** len(digits.partition(".")[2]))


def published_range(text: str, step: str = "") -> tuple[Fraction, Fraction]:
    """Return the smallest and the largest count that a publication's number can stand for.

    ``step`` is what it was rounded to, where that is not a unit of its last digit. Parts joined by ``+`` are added, and
    so is what each of them leaves open.
    """
    low = high = Fraction(0)
    for part in text.split("+"):
        value, unit = value_and_last_digit(part)
        if step:
            unit, _ = value_and_last_digit(step)
        half = unit / 2 if unit > 1 else 0
        low, high = low + value - half, high + value + half
    return low, high


@pytest.mark.parametrize(
    ("text", "step", "low", "high"),
    [
        ("125M", "", 124_500_000, 125_500_000),
        ("~149M", "", 148_500_000, 149_500_000),
        ("1.24B", "", 1_235_000_000, 1_245_000_000),
        ("109,482,240", "", 109_482_240, 109_482_240),
        ("110M", "10M", 105_000_000, 115_000_000),
        ("406M + 1M", "", 406_000_000, 408_000_000),
    ],
)
def test_a_published_number_stands_for_a_range(text: str, step: str, low: int, high: int) -> None:
    assert published_range(text, step) == (Fraction(low), Fraction(high))


@pytest.mark.parametrize("text", ["", "many", "1.2.3M", "12K"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(AssertionError, match="no number of parameters"):
        published_range(text)


def configuration(checkpoint: Checkpoint) -> Any:
    """Make the configuration's object. Transformers 5 writes into what it is given."""
    model_type = checkpoint.config["model_type"]
    if model_type not in transformers.CONFIG_MAPPING:
        pytest.skip(f"transformers {transformers.__version__} does not know {model_type}")
    return transformers.AutoConfig.for_model(**copy.deepcopy(checkpoint.config))


def count(checkpoint: Checkpoint, architecture: str | None) -> int:
    """Build a class from the checkpoint's configuration, without memory, and count its parameters, tied ones once."""
    config = configuration(checkpoint)
    build = getattr(transformers, architecture) if architecture else transformers.AutoModel.from_config
    # Initializing takes most of the time, even without memory: minutes for 18,000 experts.
    with torch.device("meta"), no_init_weights():
        model = build(config)
        model.tie_weights()
    # parameters() gives a tied one once; buffers are not among them.
    return sum(parameter.numel() for parameter in model.parameters())


def architecture_of(checkpoint: Checkpoint) -> str | None:
    """Return the class that the configuration names; without one it is the base model."""
    named: list[str] = checkpoint.config.get("architectures") or []
    return named[0] if named else None


@each
def test_the_count_is_that_of_the_built_model(checkpoint: Checkpoint) -> None:
    major = transformers.__version__.partition(".")[0]
    expected = checkpoint.parameters_by_major.get(major, checkpoint.parameters)
    assert count(checkpoint, architecture_of(checkpoint)) == expected


@each
def test_the_count_agrees_with_what_was_published(checkpoint: Checkpoint) -> None:
    other = re.search(r"\bcounts (\w+)", checkpoint.source)
    step = re.search(r"\brounded to (\w+)", checkpoint.source)
    low, high = published_range(checkpoint.published, step[1] if step else "")
    counted = count(checkpoint, other[1]) if other else checkpoint.parameters
    assert low <= counted <= high


@each
def test_every_major_reads_the_same_configuration(checkpoint: Checkpoint) -> None:
    """What one major renamed, such as the rope settings, still arrives."""
    config, written = configuration(checkpoint), checkpoint.config
    assert config.model_type == written["model_type"]
    assert config.architectures == written.get("architectures")
    if "text_config" in written:
        config, written = config.text_config, written["text_config"]
    if "rope_theta" in written:
        scaling = written.get("rope_scaling") or {}
        rope, local = rope_of(config)
        assert rope["rope_theta"] == written["rope_theta"]
        assert {key: rope[key] for key in scaling} == scaling
        assert local == written.get("rope_local_base_freq")


def rope_of(config: Any) -> tuple[dict[str, Any], float | None]:
    """Return the rope settings, and the base of layers with a window where these have one of their own."""
    rope = getattr(config, "rope_parameters", None)
    if rope is None:  # Transformers 4
        rope = {**(getattr(config, "rope_scaling", None) or {}), "rope_theta": config.rope_theta}
        return rope, getattr(config, "rope_local_base_freq", None)
    if "full_attention" in rope:  # Transformers 5 keeps all of it in one dictionary, or one for each kind of layer
        return rope["full_attention"], rope["sliding_attention"]["rope_theta"]
    return rope, None


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("google/gemma-3-270m", "layer_types", (["sliding_attention"] * 5 + ["full_attention"]) * 3),
        ("google/gemma-3-4b-it", "layer_types", ((["sliding_attention"] * 5 + ["full_attention"]) * 6)[:34]),
        ("openai/gpt-oss-20b", "layer_types", ["sliding_attention", "full_attention"] * 12),
        ("HuggingFaceTB/SmolLM3-3B", "no_rope_layers", [1, 1, 1, 0] * 9),
    ],
)
def test_kinds_of_layers_that_a_file_leaves_out_are_those_published(name: str, field: str, expected: list[Any]) -> None:
    checkpoint = next(checkpoint for checkpoint in ALL if checkpoint.name == name)
    config = configuration(checkpoint)
    assert getattr(getattr(config, "text_config", config), field) == expected


def test_every_file_has_every_field_and_the_name_of_its_checkpoint() -> None:
    fields = [field.name for field in dataclasses.fields(Checkpoint)]
    files = [
        entry
        for entry in resources.files("hfbench_nb.configurations.catalog").iterdir()
        if entry.name.endswith(".json")
    ]
    assert len(files) == len(ALL) >= 90
    for entry in files:
        data = json.loads(entry.read_text(encoding="utf-8"))
        assert sorted({*data, "parameters_by_major"}) == sorted(fields), entry.name
        assert entry.name == data["name"].replace("/", "--") + ".json"
        assert data["name"].count("/") == 1, entry.name
        assert isinstance(data["aliases"], list), entry.name
        assert all(data[field] for field in data if field != "aliases"), entry.name
        assert "model_type" in data["config"], entry.name
        assert not {"transformers_version", "_name_or_path", "torch_dtype", "dtype"} & set(data["config"]), entry.name


def test_no_spelling_is_given_twice() -> None:
    spellings = [spelling for checkpoint in ALL for spelling in (checkpoint.name, *checkpoint.aliases)]
    assert len(set(spellings)) == len(spellings)
    assert catalog.all_names() == sorted(spellings)


@each
def test_every_spelling_finds_the_configuration(checkpoint: Checkpoint) -> None:
    for spelling in (checkpoint.name, *checkpoint.aliases):
        assert catalog.find_config(spelling) == checkpoint.config


def test_a_caller_cannot_change_the_catalogue() -> None:
    config = catalog.find_config("meta-llama/Llama-3.2-1B")
    assert config is not None
    config["rope_scaling"]["factor"] = 1.0
    assert catalog.find_config("meta-llama/Llama-3.2-1B") != config


def test_another_name_finds_nothing() -> None:
    assert catalog.find_config("nobody/nothing") is None


def test_the_list_has_what_a_user_chooses_by() -> None:
    listed = models()
    assert list(listed.columns) == [
        "model", "family", "task", "parameters", "float32_mb", "float16_mb", "bfloat16_mb", "positions",
    ]  # fmt: skip
    assert list(listed["model"]) == [checkpoint.name for checkpoint in ALL]
    rows = listed.set_index("model")
    assert rows.loc["FacebookAI/roberta-base", "positions"] == 512
    assert rows.loc["openai-community/gpt2", "positions"] == 1024
    assert rows.loc["openai/clip-vit-base-patch32", "positions"] == 77
    assert (
        rows["positions"].isna()[["google-t5/t5-small", "bigscience/bloom-560m", "google/vit-base-patch16-224"]].all()
    )
    assert rows.loc["openai-community/gpt2", "float32_mb"] == pytest.approx(124_439_808 * 4 / 2**20, abs=0.05)
    assert rows.loc["openai-community/gpt2", "bfloat16_mb"] == pytest.approx(124_439_808 * 2 / 2**20, abs=0.05)
    assert "<table" in listed._repr_html_()


@pytest.mark.parametrize(("part", "found"), [("distilgpt", 1), ("GPT2", 5), ("wav2vec2", 2), ("t5-small", 1)])
def test_the_list_is_searched_by_name_old_spelling_and_family(part: str, found: int) -> None:
    assert len(models(part)) >= found


def test_a_search_without_result_suggests_names() -> None:
    with pytest.raises(ModelNotFoundError, match=r"'robrta-base' in its name. Did you mean .*roberta-base"):
        models("robrta-base")

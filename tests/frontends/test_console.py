"""The console command in odd surroundings, as a shell starts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from support.places import TESTS
from support.processes import run_script

from hfbench_nb.frontends import cli

MODULE = [sys.executable, "-m", "hfbench_nb"]
SCRIPT = [str(Path(sys.executable).with_name("hfbench"))]
BRIEF = ["--batch_sizes", "1", "--sequence_lengths", "8", "--max_seconds", "0.05", "--rounds", "1", "--models"]
MEASURE = ["pytorch", *BRIEF]
# The same command with a framework that starts in a tenth of the time, for what is about the command itself.
WITH_NUMPY = [sys.executable, str(TESTS / "support" / "numpy_command.py")]
MEASURE_NUMPY = ["numpy", *BRIEF]
TITLE = "====================       INFERENCE - SPEED - RESULT       ===================="

# Names of Python's modules and of packages that a worker imports.
FOREIGN = ("json", "types", "queue", "statistics", "tempfile", "pathlib", "typing", "numpy", "transformers", "pandas")

posix = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's redirections")


def hfbench(*words, command=MODULE, redirect="", **options):
    """Run the command; `redirect` is what the shell is told about its streams."""
    line = f'exec "$@" {redirect}'
    return subprocess.run(
        ["sh", "-c", line, "sh", *command, *map(str, words)], capture_output=True, text=True, timeout=120, **options
    )


@posix
@pytest.mark.parametrize("command", [MODULE, SCRIPT], ids=["module", "script"])
def test_the_report_alone_is_printed_and_modules_in_the_working_directory_are_not_imported(command, tmp_path, model):
    names = FOREIGN if command is SCRIPT else ["json"]  # Python itself imports some others to run a module
    for name in names:
        (tmp_path / f"{name}.py").write_text("open('foreign', 'a').write(__name__ + ' '); raise SystemExit(3)\n")
    done = hfbench(*MEASURE, model, command=command, cwd=tmp_path)
    assert not (tmp_path / "foreign").exists(), (tmp_path / "foreign").read_text()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"\n{TITLE}\n")
    assert done.stderr == ""


def test_the_module_is_the_command():
    done = subprocess.run([*MODULE, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"hfbench {version('hfbench-nb')}\n")


@posix
def test_a_working_directory_that_was_deleted_is_no_obstacle(tmp_path, model):
    gone = tmp_path / "gone"
    gone.mkdir()
    through = ["sh", "-c", 'rmdir "$0"; exec "$@"', str(gone)]
    done = hfbench("--version", command=[*through, *MODULE], cwd=gone)
    assert (done.returncode, done.stdout) == (0, f"hfbench {version('hfbench-nb')}\n"), done.stderr
    gone.mkdir()
    done = hfbench(*MEASURE_NUMPY, model, command=[*through, *WITH_NUMPY], cwd=gone)
    assert done.returncode == 0, done.stderr
    assert TITLE in done.stdout


# ---- standard streams


@posix
@pytest.mark.parametrize("words", [["models"], ["--help"], ["--version"], MEASURE_NUMPY], ids=lambda words: words[0])
def test_a_reader_that_has_gone_is_no_error(words, tmp_path, model):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [*WITH_NUMPY, *words, model] if words is MEASURE_NUMPY else [*MODULE, *words]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (cli.OUTPUT_CLOSED, "")


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_behind_the_output_is_one_line():
    done = hfbench("models", redirect=">/dev/full")
    assert done.returncode == 1
    assert done.stderr == "hfbench: the output cannot be written: [Errno 28] No space left on device\n"


@posix
@pytest.mark.parametrize(
    ("command", "words", "redirect", "more"),
    [
        (WITH_NUMPY, MEASURE_NUMPY, "2>&-", ()),
        (MODULE, MEASURE, "<&- 2>&-", ("--verbose",)),
        (WITH_NUMPY, MEASURE_NUMPY, "2>/dev/full", ("--verbose",)),
    ],
    ids=["closed", "closed-with-input", "full"],
)
def test_models_are_measured_without_standard_error(command, words, redirect, more, model):
    done = hfbench(*words, model, *more, command=command, redirect=redirect)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith(f"\n{TITLE}\n")
    assert "[hfbench" not in done.stdout


@posix
def test_without_any_stream_nothing_is_written_into_files(tmp_path, model):
    more = ["--verbose", "--folder", tmp_path / "run", "--log_print", "--log_filename", "log"]
    done = hfbench(*MEASURE_NUMPY, model, *more, command=WITH_NUMPY, redirect="<&- >&- 2>&-", cwd=tmp_path)
    assert done.returncode == 0
    lines = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("{") for line in lines)
    assert (tmp_path / "log").read_text().startswith(f"\n{TITLE}\n")


def test_a_program_without_standard_error_measures_too():
    code = """
        import sys
        sys.stderr = None
        from support.function_models import function_benchmark
        for verbose in (False, True):
            print(*function_benchmark(verbose=verbose).run().frame["status"])
    """
    assert run_script(code).stdout == "ok\nok\n"


# ---- what standard output cannot show

SHOWN = """
    from hfbench_nb import BenchmarkResults, PyTorchBenchmarkArguments
    from hfbench_nb.protocol.case import Case
    from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
    from hfbench_nb.protocol.timing import Timing

    name = "mod\\N{LATIN SMALL LETTER E WITH GRAVE}le-\\N{CYRILLIC SMALL LETTER ZHE}"
    def entry(length, samples):
        memory = MemoryUse("VmHWM", 300 << 20)
        return Case("PyTorch", name, "inference", 1, length), Measurement("ok", Timing(samples, precision=1e-6), memory)
    def run(scale):
        times = {n: scale * (3e-6 * n + 1e-8 * n * n) for n in (8, 32, 128, 512)}
        done = [entry(n, (t, 1.01 * t, 1.03 * t, 0.98 * t, 0.97 * t, t)) for n, t in times.items()]
        failed = Case("PyTorch", name, "inference", 1, 9999)
        failure = Failure("ValueError", "\\u2026 no \\u201cfit\\u201d")
        return BenchmarkResults([*done, (failed, Measurement("error", failure=failure))], {"cpu_model": "a\\u00ae"}, {})
    results = run(1.0)
    comparison = results.compare(run(1e-300))
"""
VIEWS = {
    "report": "results",
    "scaling": "results.scaling()",
    "comparison": "comparison",
    "markdown": "results.to_markdown(environment=True)",
    "environment": "results.environment",
    "arguments": "PyTorchBenchmarkArguments(models=[name])",
}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_text_can_be_printed_whatever_the_output_can_show(encoding):
    code = SHOWN + "".join(f"    print({view}, end='<end>')\n" for view in VIEWS.values())
    done = run_script(code, env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}, encoding=encoding)
    assert done.returncode == 0, done.stderr
    texts = dict(zip(VIEWS, done.stdout.split("<end>"), strict=False))
    sign, square, noisy = ("±", "²", "\N{WARNING SIGN}") if encoding == "utf-8" else ("+/-", "^2", "(!)")
    assert sign in texts["scaling"]
    assert f"n{square}" in texts["scaling"]
    assert sign in texts["markdown"]
    assert noisy in texts["markdown"]
    named = {"ascii": "mod\\xe8le-\\u0436", "cp1252": "modèle-\\u0436", "utf-8": "modèle-ж"}[encoding]
    assert all(named in text for view, text in texts.items() if view != "environment")


# ---- warnings, and a user without a home


@posix
def test_a_warning_is_a_line_without_a_place_in_the_code(model):
    done = hfbench(*MEASURE_NUMPY, model, command=WITH_NUMPY, env={**os.environ, "XDG_CACHE_HOME": "/dev/null"})
    assert done.returncode == 0
    message = r"hfbench: Results are kept in memory only: \[Errno 20\] Not a directory: '/dev/null/hfbench_nb/[^\n]*'\n"
    assert re.fullmatch(message, done.stderr)


@posix
def test_a_user_without_a_home_measures_without_a_cache():
    """As a container's user whom no file of users knows."""
    code = """
        import os, pwd, sys, warnings
        def nobody(uid):
            raise KeyError(uid)
        pwd.getpwuid = nobody
        del os.environ["XDG_CACHE_HOME"]
        os.environ.pop("HOME", None)
        from support.function_models import function_benchmark
        with warnings.catch_warnings(record=True) as caught:
            results = function_benchmark().run()
        print(*results.frame["status"], results.folder, caught[0].message)
    """
    done = run_script(code)
    assert done.stdout.startswith("ok None Results are kept in memory only: there is no place for the user's caches: ")
    assert done.returncode == 0, done.stderr


# ---- hfbench env


def test_an_unknown_framework_is_misuse(capsys):
    assert cli.main(["env", "jax"]) == cli.MISUSE
    message = "hfbench: framework='jax' cannot be used: framework must be 'PyTorch' or 'TensorFlow', or left out.\n"
    assert capsys.readouterr().err == message

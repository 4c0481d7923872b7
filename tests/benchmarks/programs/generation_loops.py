"""One model in three ways, call by call in turn: the measured call, a loop written by hand, and a bare ``generate``.

Each way gets the same prompts and makes the same tokens.  The loop is what one would write: a prefill, then one pass
per token with the cache, and `argmax`.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

import torch
from common import answer, request

from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.worker.backends import load_backend
from hfbench_nb.worker.workloads.generation import Generation

asked = request()
length, new_tokens, threads = asked["length"], asked["new_tokens"], asked.get("threads")
settings = Settings(device="cpu", new_tokens=new_tokens, threads=threads, cache_implementation=None)
runtime = load_backend("hfbench_nb.worker.backends.pytorch").open(settings, Method())
case = Case("PyTorch", asked["model"], "generation", asked["batch_size"], length, settings)
prepared = Generation(case, find_model(asked["model"])).prepare(runtime)
model: Any = prepared.model
inputs = runtime._generate._inputs
config = model.generation_config


def ours() -> dict[str, float]:
    start = time.perf_counter()
    prepared.call()
    whole_s = time.perf_counter() - start
    return {name: prepared.parts(1)[name][0] for name in ("ttft_s", "tpot_s")} | {"time_s": whole_s}


@torch.no_grad()
def by_hand() -> dict[str, float]:
    start = time.perf_counter()
    given = dict(inputs)
    if model.config.is_encoder_decoder:
        start_token = torch.full((asked["batch_size"], 1), config.decoder_start_token_id)
        encoded = model.get_encoder()(**given)
        fixed = {"encoder_outputs": encoded, "attention_mask": given["attention_mask"]}
        out = model(**fixed, decoder_input_ids=start_token, use_cache=True)
    else:
        fixed = {}
        out = model(**given, use_cache=True, logits_to_keep=1)
    tokens = [out.logits[:, -1].argmax(-1, keepdim=True)]
    came = [time.perf_counter()]
    while len(tokens) < new_tokens:
        name = "decoder_input_ids" if fixed else "input_ids"
        out = model(**fixed, **{name: tokens[-1]}, past_key_values=out.past_key_values, use_cache=True)
        tokens.append(out.logits[:, -1].argmax(-1, keepdim=True))
        came.append(time.perf_counter())
    made.append(torch.cat(tokens, dim=1))
    return {"ttft_s": came[0] - start, "tpot_s": (came[-1] - came[0]) / (new_tokens - 1), "time_s": came[-1] - start}


def bare() -> dict[str, float]:
    start = time.perf_counter()
    ids = model.generate(**inputs, generation_config=config)
    whole_s = time.perf_counter() - start
    made.append(ids[:, -new_tokens:])
    return {"time_s": whole_s}


made: list[torch.Tensor] = []
ways = {"ours": ours, "by hand": by_hand, "bare": bare}
samples: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
order = random.Random(0)
for way in ways.values():
    way()
until = time.perf_counter() + asked["seconds"]
while time.perf_counter() < until or len(samples["ours"]) < asked.get("least", 5):
    for name in order.sample(list(ways), len(ways)):
        samples[name].append(ways[name]())
found = {
    name: {what: statistics.median(sample[what] for sample in of) for what in of[0]} for name, of in samples.items()
}
# The median of the ratios within a turn, which a machine that changes its speed disturbs least, and its interval.
ratios = {}
for what, other in (("ttft_s", "by hand"), ("tpot_s", "by hand"), ("time_s", "bare")):
    turns = Timing(tuple(one[what] / two[what] for one, two in zip(samples["ours"], samples[other], strict=True)))
    ratios[f"{what} / {other}"] = [turns.median_s, *turns.interval_s]
same = all(torch.equal(tokens, made[0]) for tokens in made)
answer({"found": found, "ratios": ratios, "calls": len(samples["ours"]), "same tokens": same})

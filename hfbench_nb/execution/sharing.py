"""Which cases of a round share a model that is built once."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hfbench_nb.arguments.fields import axes_of
from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution.places import Places
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.request import Method, ModelSpec, SharedModel
from hfbench_nb.protocol.tasks import TASKS


class Sharing:
    """The models that several cases of a run share, in each round anew.

    Lengths and batch sizes of one model and settings share it; and tasks, where the configuration names the class.  Not
    on a GPU, whose context cannot be forked, nor with functions of the user's or the weights of a checkpoint, which may
    start threads.

    Parameters
    ----------
    framework
        The framework.
    method
        How the cases are measured.
    models
        The models by name.
    places
        Where the cases are measured, and what was found out about it.
    cases
        The cases of the run.
    """

    def __init__(
        self,
        framework: Framework,
        method: Method,
        models: Mapping[str, ModelSpec],
        places: Places,
        cases: Sequence[Case],
    ) -> None:
        # Another run may have another model of the same name, or the same at the same time.
        self._run = uuid.uuid4().hex
        self._shared: dict[Case, SharedModel] = {}
        if not framework.shares_models:
            return
        # What a task alone has is no setting of its model.
        self._not_built = [name for name, axis in axes_of(framework.arguments_class).items() if axis.task]
        keys = {case: self._key(case, method, models[case.model]) for case in cases if _is_shareable(case, places)}
        sharers = Counter(shared for shared in keys.values() if shared is not None)
        self._shared = {
            case: replace(shared, cases=sharers[shared])
            for case, shared in keys.items()
            if shared is not None and sharers[shared] > 1
        }

    def _key(self, case: Case, method: Method, spec: ModelSpec) -> SharedModel | None:
        if spec.code is not None:
            return None
        names_class = bool(spec.config.get("architectures")) and spec.pickled is None and "auto_map" not in spec.config
        for_all_tasks = names_class and TASKS[case.task].builds_named_class and not method.only_pretrain_model
        settings = case.settings.without(self._not_built)
        identity = [self._run, spec.name, dict(settings), "" if for_all_tasks else case.task]
        return SharedModel(json.dumps(identity, sort_keys=True), for_all_tasks, cases=1)

    def of(self, case: Case, number: int) -> SharedModel | None:
        """Return the model that a case shares with others in a round; None if it shares none."""
        shared = self._shared.get(case)
        return None if shared is None else replace(shared, key=f"{shared.key} {number}")

    def order(self, cases: Sequence[Case]) -> list[Case]:
        """Return the cases of a round in an order in which those that share a model follow each other."""
        firsts: dict[str, int] = {}
        keys = [shared.key if (shared := self._shared.get(case)) else str(i) for i, case in enumerate(cases)]
        for i, key in enumerate(keys):
            firsts.setdefault(key, i)
        return [case for _, case in sorted(zip(keys, cases, strict=True), key=lambda item: firsts[item[0]])]


def _is_shareable(case: Case, places: Places) -> bool:
    is_on_cpu = all(environment.get("device") == "cpu" for environment in places.of(case))
    return is_on_cpu and case.settings.get("weights", "random") == "random"

"""The environments in which models would be measured, asked of the frameworks themselves."""

from __future__ import annotations

from hfbench_nb.arguments.frameworks import Framework, framework_named, frameworks_with_models
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.executors import make_executor
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import IsolationError, warn
from hfbench_nb.protocol.request import Method
from hfbench_nb.results.environment import Environment, Environments, describe, machine_facts


def describe_frameworks(name: str | None = None) -> Environments:
    """Describe the environment of a framework, or of each one that is installed.

    Warns
    -----
    UserWarning
        For each that is installed and cannot be used, while another can.

    Raises
    ------
    ArgumentError
        If there is no framework of this name.
    IsolationError
        If it is not installed, or cannot be used.
    """
    if name is not None:
        framework = framework_named(name)
        check_requirements(framework, None)
        return Environments([_describe(framework)])
    described = Environments()
    problems: list[IsolationError] = []
    for framework in filter(_is_installed, frameworks_with_models()):
        try:
            described.append(_describe(framework))
        except IsolationError as error:
            problems.append(error)
    if problems and not described:
        raise problems[0]
    for problem in problems:
        warn(str(problem))
    return described


def _is_installed(framework: Framework) -> bool:
    try:
        check_requirements(framework, None)
    except IsolationError:
        return False
    return True


def _describe(framework: Framework) -> Environment:
    facts = make_executor(None).environment(framework, Settings(), Method(), Cancellation())
    return describe(facts, machine_facts())

"""For the API reference: functions and methods as users call them, which reading the sources alone does not tell.

Functions that are bound as methods, ``plot = as_method(plot)``, are shown as methods; defaults that are constants or
attributes elsewhere, ``speed: bool = Method.speed``, by their values; and a class that says nothing of its parameters
with what its base says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe


class AsCalled(griffe.Extension):
    """Change what was read from the sources of a package."""

    def on_package(self, *, pkg: griffe.Module, **others: Any) -> None:
        """Visit all classes and functions of a package that was loaded."""
        for container, member in [*_all_members(pkg)]:
            if member.is_function:
                _show_defaults(member)
            elif container.is_class and member.is_attribute and (function := _bound(member)) is not None:
                _show_defaults(function)
                container.set_member(member.name, _as_method(member.name, function))
        for _, member in _all_members(pkg):
            if member.is_class:
                _inherit_sections(member)


def _all_members(container: griffe.Module | griffe.Class) -> Iterator[tuple[griffe.Object, griffe.Object]]:
    for member in container.members.values():
        if not member.is_alias:
            yield container, member
            if member.is_module or member.is_class:
                yield from _all_members(member)


def _show_defaults(function: griffe.Function) -> None:
    """Replace defaults by their values, also where several parameters share an entry of the docstring."""
    for parameter in function.parameters:
        parameter.default = _value(parameter.default, function.modules_collection)
    if function.docstring is not None:
        for entry in _entries(function.docstring):
            name = entry.name.lstrip("*")
            if name in function.parameters:
                entry.value = function.parameters[name].default
                entry.annotation = function.parameters[name].annotation


def _value(default: Any, known: griffe.ModulesCollection) -> Any:
    if not isinstance(default, griffe.ExprName | griffe.ExprAttribute):
        return default
    try:
        found = known.get_member(default.canonical_path)
    except (KeyError, griffe.AliasResolutionError):
        return default
    return found.value if found.is_attribute and isinstance(found.value, str) else default


def _entries(docstring: griffe.Docstring) -> list[griffe.DocstringParameter]:
    """Return what a docstring says of parameters."""
    of_parameters = griffe.DocstringSectionKind.parameters
    return [entry for section in docstring.parsed if section.kind is of_parameters for entry in section.value]


def _inherit_sections(cls: griffe.Class) -> None:
    """Add what a base says of parameters, attributes and errors where a class says nothing of them."""
    kinds = griffe.DocstringSectionKind
    for base in cls.resolved_bases:
        if cls.docstring is not None and base.docstring is not None:
            sections = cls.docstring.parsed
            own = {section.kind for section in sections}
            further = {kinds.parameters, kinds.attributes, kinds.raises} - own
            sections[1:1] = [section for section in base.docstring.parsed if section.kind in further]


def _bound(attribute: griffe.Attribute) -> griffe.Function | None:
    """Return the function that an attribute of a class binds; None if it binds none."""
    value = attribute.value
    if not isinstance(value, griffe.ExprCall) or str(value.function) != "as_method":
        return None
    (argument,) = value.arguments
    found = attribute.module.members[str(argument)]
    function = found.final_target if found.is_alias else found
    assert isinstance(function, griffe.Function)
    return function


def _as_method(name: str, function: griffe.Function) -> griffe.Function:
    """Return a function as the method that it is bound as: without its first parameter."""
    subject, *others = function.parameters
    if function.docstring is not None:
        for section in (sections := function.docstring.parsed):
            if section.kind is griffe.DocstringSectionKind.parameters:
                section.value = [each for each in section.value if each.name != subject.name]
        sections[:] = [section for section in sections if section.value]
    return griffe.Function(
        name,
        lineno=function.lineno,
        endlineno=function.endlineno,
        parameters=griffe.Parameters(*others),
        returns=function.returns,
        docstring=function.docstring,
    )

"""For the API reference: functions that are bound as methods, `plot = as_method(plot)`, are shown as methods."""

from __future__ import annotations

from typing import Any

import griffe


class BoundMethods(griffe.Extension):
    """Replace attributes whose value is ``as_method(function)`` by the function without its first parameter."""

    def on_package(self, *, pkg: griffe.Module, **others: Any) -> None:
        """Visit the modules of a package that was loaded."""
        self._visit(pkg)

    def _visit(self, container: griffe.Module | griffe.Class) -> None:
        for member in [*container.members.values()]:
            if member.is_alias:
                continue
            if member.is_module or member.is_class:
                self._visit(member)
            elif container.is_class and member.is_attribute and (function := _bound(member)) is not None:
                container.set_member(member.name, _as_method(member.name, function))


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
    subject, *others = function.parameters
    if function.docstring is not None:
        sections = function.docstring.parsed  # with the function's own parameters, and once
        for section in sections:
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

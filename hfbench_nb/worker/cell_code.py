"""The code of a notebook cell as a function that can be measured.  Standard library only: the worker imports it."""

from __future__ import annotations

import ast
import linecache
import symtable
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

_CELL = "<measured cell>"
_SETUP = "<set-up>"
_FUNCTION = "measured_cell"


@dataclass(frozen=True)
class CellCode:
    """Code and its set-up.  The worker calls the object as the set-up of the measurement.

    Attributes
    ----------
    code
        The statements to measure, run as the body of a function, so that access to their own names is fast.
    setup
        Statements that run once before; the code sees what they define.
    variables
        Variables that the code and its set-up see from the start, by name.

    Raises
    ------
    SyntaxError
        If the code or the set-up is not valid Python.
    """

    code: str
    setup: str = ""
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        compile(self.setup, _SETUP, "exec")
        compile(self.code, _CELL, "exec")

    def missing_names(self) -> set[str]:
        """Return the names that code and set-up use without defining them, builtins included."""
        used_by_setup, set_by_setup = _names(self.setup)
        used, defined = _names(self.code)
        return (used_by_setup - set_by_setup | used - defined - set_by_setup) - set(self.variables)

    def __call__(self) -> Callable[[], object]:
        """Run the set-up; return the code as a function."""
        # Tracebacks quote source lines from files: this code has none, so the cache holds its lines.
        for name, text in ((_CELL, self.code), (_SETUP, self.setup)):
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        namespace: dict[str, Any] = {"__name__": "__main__", **self.variables}
        exec(compile(self.setup, _SETUP, "exec"), namespace)  # noqa: S102 - the user's own cell
        exec(compile(self._as_function(shared=set(namespace)), _CELL, "exec"), namespace)  # noqa: S102
        function: Callable[[], object] = namespace[_FUNCTION]
        return function

    def _as_function(self, shared: Iterable[str]) -> ast.Module:
        """Return a module that defines the code as a function; names `shared` with the set-up stay global."""
        body = ast.parse(self.code, _CELL).body or [ast.Pass()]
        assigned = sorted(_names(self.code)[1] & set(shared))
        if assigned:
            body.insert(0, ast.Global(names=assigned))
        module = ast.parse(f"def {_FUNCTION}(): pass", _CELL)
        definition = module.body[0]
        assert isinstance(definition, ast.FunctionDef)
        definition.body = body
        return ast.fix_missing_locations(module)


def call(function: Callable[[], object]) -> object:
    """Call what the set-up returned: this call is measured."""
    return function()


def _names(code: str) -> tuple[set[str], set[str]]:
    """Return the names that code looks up outside its own functions, and those that it binds there."""
    top = symtable.symtable(code, _CELL, "exec")
    used, bound, tables = set(), set(), [top]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table is top or symbol.is_global():
                name = symbol.get_name()
                if symbol.is_assigned() or symbol.is_imported():
                    bound.add(name)
                elif symbol.is_referenced():
                    used.add(name)
    return used - bound, bound

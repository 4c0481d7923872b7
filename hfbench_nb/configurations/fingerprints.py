"""Fingerprints of functions: whether a run that is resumed would call the same code with the same data.

A pickle does not tell: it holds the names of a kernel's temporary files, line numbers, and the order of a set.  A
fingerprint covers what a function computes: its code, its defaults, what it has captured, and the functions, classes
and data of the notebook that it uses.  What comes from a module is covered by its name and the module's file; of
installed libraries, by the name alone, since versions are compared elsewhere.
"""

from __future__ import annotations

import dis
import hashlib
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_LENGTH = 16
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
# Attributes of a class that say where and not what it is.
_INCIDENTAL = frozenset(
    {"__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__doc__"}
)
_INSTALLED = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def fingerprint(function: Callable[..., Any]) -> str:
    """Return a fingerprint of a function, the same in every process of one Python version.

    Examples
    --------
    >>> one, two, three = (eval(f"lambda x: x + {number}") for number in (1, 1, 2))
    >>> fingerprint(one) == fingerprint(two), fingerprint(one) == fingerprint(three)
    (True, False)
    """
    try:
        return _Walk().of(function)[:_LENGTH]
    except RecursionError:  # a list of a thousand links, for example
        return _Walk().of(getattr(function, "__code__", None))[:_LENGTH]


class _Walk:
    """A walk over a function and what it refers to; objects that were seen before are named by their number."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._kept: list[object] = []  # the number of an object that no longer exists may be that of a new one

    def of(self, value: Any) -> str:
        """Return a digest of a value."""
        return hashlib.sha256(repr(self._parts(value)).encode("utf-8", "backslashreplace")).hexdigest()

    def _all(self, values: Iterable[Any]) -> list[str]:
        return [self.of(value) for value in values]

    def _parts(self, value: Any) -> object:
        """Return what determines a value, as plain data."""
        if isinstance(value, _PLAIN):
            return type(value).__name__, value
        if id(value) in self._seen:
            return "seen", self._seen[id(value)]
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        if isinstance(value, types.ModuleType):
            return "module", value.__name__
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            module = _module_of(value)
            if module is not None:
                return "name", value.__module__, value.__qualname__, _file_digest(module)
        if isinstance(value, types.CodeType):
            return self._code(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, staticmethod | classmethod):
            return "method", type(value).__name__, self.of(value.__func__)
        if isinstance(value, property):
            return "property", self._all([value.fget, value.fset, value.fdel])
        if isinstance(value, type):
            own = {name: each for name, each in vars(value).items() if name not in _INCIDENTAL}
            return "class", value.__qualname__, self._all(value.__bases__), self._mapping(own)
        if isinstance(value, dict):
            return "dict", type(value).__name__, self._mapping(value)
        if isinstance(value, list | tuple):
            return "list", type(value).__name__, self._all(value)
        if isinstance(value, set | frozenset):
            return "set", sorted(repr(each) for each in value)
        return self._object(value)

    def _mapping(self, values: dict[Any, Any]) -> list[tuple[str, str]]:
        return [(self.of(key), self.of(each)) for key, each in values.items()]

    def _code(self, code: types.CodeType) -> object:
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars)
        return "code", code.co_code, counts, names, self._all(code.co_consts)

    def _function(self, function: types.FunctionType) -> object:
        captured = [_content(cell) for cell in function.__closure__ or ()]
        used = {
            name: function.__globals__[name]
            for name in sorted(_global_names(function.__code__))
            if name in function.__globals__
        }
        defaults = (function.__defaults__, function.__kwdefaults__)
        return "function", self.of(function.__code__), self._all([defaults, captured]), self._mapping(used)

    def _object(self, value: Any) -> object:
        """Return what an object of any other class is rebuilt from; a tensor's storage has an address in its pickle."""
        if hasattr(value, "untyped_storage") and (torch := sys.modules.get("torch")) is not None:
            kind = (str(value.dtype), tuple(value.shape))
            if value.device.type == "meta":
                return "tensor", kind
            flat = value.detach().cpu().contiguous().view(-1).view(torch.uint8)
            return "tensor", kind, hashlib.sha256(flat.numpy().tobytes()).hexdigest()
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:  # a lock, for example
            return "object", type(value).__qualname__
        parts = [reduced] if isinstance(reduced, str) else [*reduced[:3], *map(_listed, reduced[3:5])]
        return "object", type(value).__qualname__, self._all(parts)


def _listed(values: Iterable[Any] | None) -> list[Any] | None:
    return None if values is None else list(values)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the variable has no value yet
        return None


def _global_names(code: types.CodeType) -> set[str]:
    """Return the global variables that code reads, the functions inside it included."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return names.union(*(_global_names(each) for each in code.co_consts if isinstance(each, types.CodeType)))


def _module_of(value: Any) -> types.ModuleType | None:
    """Return the module that a worker imports a class or function from; None for what is defined in the notebook."""
    module = sys.modules.get(getattr(value, "__module__", None) or "builtins")
    is_of_notebook = module is None or module.__name__ == "__main__" or "<locals>" in value.__qualname__
    return None if is_of_notebook or value.__qualname__ == "<lambda>" else module


def _file_digest(module: types.ModuleType) -> str:
    """Return a digest of a module's file; empty for an installed library's."""
    file = getattr(module, "__file__", None)
    if file is None or file.startswith(_INSTALLED):
        return ""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return ""

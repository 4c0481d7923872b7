"""HTML from the templates of the package."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2
    import markupsafe


def render(template: str, **values: Any) -> str:
    """Fill a template of ``hfbench_nb/rendering/templates``; the values are escaped."""
    return _environment().get_template(template).render(**values)


def render_part(template: str, macro: str, *values: Any) -> markupsafe.Markup:
    """Fill a part of a template, one of its macros; the values are escaped."""
    made: markupsafe.Markup = getattr(_environment().get_template(template).module, macro)(*values)
    return made


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hfbench_nb.rendering"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["label"] = _label
    return environment


def _label(text: str) -> markupsafe.Markup:
    """Escape a label, whose lines may end behind an organisation and settings, and not only within words."""
    import markupsafe

    return markupsafe.Markup("<wbr>").join(re.split(r"(?<=[:,/])(?=\w)", text))

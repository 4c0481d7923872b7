"""Fixtures of the tests of front ends."""

from __future__ import annotations

import pytest


@pytest.fixture
def shell(ip):
    """Return the IPython shell, with nothing in its namespace."""
    ip.reset(new_session=False)
    return ip

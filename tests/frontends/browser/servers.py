"""Jupyter applications in processes of their own, which end with the test."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from support import places
from support.processes import runs, wait_until

ARTEFACTS = places.ARTEFACTS / "browser"
START_S = 90.0
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is in the page, also one that is not in view: a screenshot shows the whole notebook.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
}


@contextlib.contextmanager
def jupyterlab(folder: Path, home: Path) -> Iterator[str]:
    """Serve a folder; return the address of its page, with no notebook open.

    `home` takes the settings, workspaces and runtime files: the user's own stay out of the way.
    """
    settings = home / "settings"
    settings.mkdir(parents=True)
    (settings / "overrides.json").write_text(json.dumps(SETTINGS))
    token, port = secrets.token_hex(16), _free_port()
    options = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        f"--IdentityProvider.token={token}",
        f"--LabApp.app_settings_dir={settings}",
        f"--LabApp.user_settings_dir={home / 'user-settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
        "--ServerApp.jpserver_extensions={'voila.server_extension': False, 'notebook_shim': False}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",
    ]
    with _process(["jupyterlab", *options], home) as process:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}/doc?token={token}"


@contextlib.contextmanager
def voila(notebook: Path, home: Path) -> Iterator[str]:
    """Serve one notebook as a Voilà page; return its address."""
    port = _free_port()
    with _process(["voila", str(notebook), f"--port={port}", "--no-browser"], home) as process:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def _process(command: Sequence[str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of this environment; its end must leave no kernel and no measurement behind."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "XDG_CACHE_HOME")
    places = {name: str(home / name.lower()) for name in names}
    with open(ARTEFACTS / f"{command[0]}.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **places},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        ended = wait_until(lambda: process.poll() is not None and not any(runs(one.pid) for one in family), 30.0)
        for one in [*family, psutil.Process(process.pid)] if not ended else []:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()
    assert ended, f"processes were left: {family}"


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return True
        return process.poll() is not None

    assert wait_until(answers, START_S), f"nothing listens at port {port}"
    assert process.poll() is None, f"the server has ended: see {ARTEFACTS}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]

"""Results in datasets repositories of the Hugging Face hub, by `huggingface_hub`."""

from __future__ import annotations

import re
from pathlib import Path

from hfbench_nb.protocol.errors import ArgumentError, HubError, wrong_value
from hfbench_nb.storage.journal import FILE_NAME

SCHEME = "hf://datasets/"
# What the hub allows: a user or an organisation, and a name.
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_ADDRESS = re.compile(rf"{SCHEME}(?P<name>[^/@]+/[^/@]+)(?:@(?P<revision>[^/]+))?/?")


def check_name(name: object) -> str:
    """Return the name of a repository.

    Raises
    ------
    ArgumentError
        If it is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise wrong_value("name", name, "the name of a datasets repository, 'user/name'")
    return name


def is_address(folder: object) -> bool:
    """Return whether results are to be read from the hub."""
    return isinstance(folder, str) and folder.startswith("hf://")


def upload(folder: Path, name: str, *, private: bool, message: str) -> str:
    """Upload the files of a folder to a repository, which is made if there is none; return its address.

    Raises
    ------
    HubError
        If the hub cannot be reached or refuses; the message says what to do.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=name, repo_type="dataset", commit_message=message)
    except Exception as error:
        raise _explained(error, f"The results could not be pushed to {SCHEME}{name}") from error
    return f"{api.endpoint}/datasets/{name}"


def download(address: str) -> Path:
    """Return the folder, in the cache of the hub's library, with the results of an address.

    Parameters
    ----------
    address
        As in ``hf://datasets/user/name`` or ``hf://datasets/user/name@revision``.

    Raises
    ------
    ArgumentError
        If it is no such address.
    HubError
        If there are no results, or the hub cannot be reached or refuses.
    """
    from huggingface_hub import hf_hub_download

    found = _ADDRESS.fullmatch(address)
    if found is None:
        allowed = f"{SCHEME}user/name or {SCHEME}user/name@revision"
        raise ArgumentError(f"folder={address!r} cannot be used: an address on the hub is {allowed}", "folder")
    try:
        file = hf_hub_download(check_name(found["name"]), FILE_NAME, repo_type="dataset", revision=found["revision"])
    except ArgumentError:
        raise
    except Exception as error:
        raise _explained(error, f"{address} could not be read") from error
    return Path(file).parent


def _explained(error: Exception, what: str) -> HubError:
    """Return an error that says what to do; which one the hub's library raises depends on its version."""
    text = str(error).strip().partition("\n")[0]
    kinds = {kind.__name__ for kind in type(error).__mro__}
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if kinds & {
        "OfflineModeIsEnabled",
        "LocalEntryNotFoundError",
        "ConnectionError",
        "ConnectError",
        "TransportError",
        "Timeout",
    }:
        advice = "the hub cannot be reached: check the connection, and HF_HUB_OFFLINE"
    elif status == 401 or "LocalTokenNotFoundError" in kinds or "token" in text.lower():
        advice = "the hub asks for a token: run `hf auth login`, or set HF_TOKEN to one that may write"
    elif status == 403:
        advice = "the token must not do that: it needs the right to write to this repository"
    elif kinds & {"RepositoryNotFoundError", "EntryNotFoundError", "RevisionNotFoundError"}:
        advice = f"there is no such repository, or no {FILE_NAME} in it"
    else:
        advice = f"{type(error).__name__}: {text}"
    return HubError(f"{what}: {advice}.")

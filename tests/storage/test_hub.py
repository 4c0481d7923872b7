"""Sharing: a local server speaks the part of the hub's protocol that is used."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.measured import sweep

from hfbench_nb import ArgumentError

NAME = "somebody/times"
SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """One datasets repository, whose files are small enough to be sent with the commit itself."""

    files: dict[str, bytes] = {}
    made: list[dict] = []
    refuse = 0

    def log_message(self, *arguments):
        pass

    def address(self):
        return "http://{}:{}".format(*self.server.server_address)

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, data, status=200):
        self.answer(json.dumps(data).encode(), status, Content_Type="application/json")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != "Bearer hf_good":
            self.answer_json({"error": "Invalid username or password."}, 401)
        elif self.refuse:
            self.answer_json({"error": "You have no access to this"}, self.refuse)
        elif self.path == "/api/repos/create":
            self.made.append(json.loads(body))
            self.answer_json({"url": f"{self.address()}/datasets/{NAME}", "name": NAME})
        elif self.path.endswith("/preupload/main"):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self.answer_json({"files": files})
        elif self.path == "/api/validate-yaml":
            self.answer_json({"errors": [], "warnings": []})
        elif self.path.endswith("/commit/main"):
            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"{self.address()}/datasets/{NAME}/commit/{SHA}"
            self.answer_json({"success": True, "commitOid": SHA, "commitUrl": url, "hookOutput": ""})
        else:
            self.answer_json({"error": self.path}, 404)

    def do_GET(self):
        name = self.path.partition("?")[0].rpartition("/")[2]
        if self.path.startswith("/api/"):
            files = [{"rfilename": file} for file in self.files]
            self.answer_json({"id": NAME, "sha": SHA, "siblings": files, "tags": [], "private": False})
        elif self.path.startswith(f"/datasets/{NAME}/resolve/") and name in self.files:
            self.answer(self.files[name], X_Repo_Commit=SHA, ETag=f'"{len(self.files[name])}"')
        else:
            self.answer(status=404, X_Error_Code="RepoNotFound" if NAME not in self.path else "EntryNotFound")

    do_HEAD = do_GET


@pytest.fixture
def hub(monkeypatch, tmp_path):
    handler = type("Here", (Hub,), {"files": {}, "made": [], "refuse": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "hf_good")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield handler
    server.shutdown()
    server.server_close()


def in_child(code, folder):
    """Run code in a process of its own: the hub's library reads its variables when it is imported."""
    start = f"from hfbench_nb import *\nresults = load_results({str(folder)!r})\n"
    return subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True, check=False)


@pytest.fixture
def saved(tmp_path):
    sweep().save(tmp_path / "saved")
    return tmp_path / "saved"


def test_what_is_pushed_is_read_back_with_every_sample(hub, saved):
    code = f"""
print(results.push_to_hub({NAME!r}))
again = load_results("hf://datasets/{NAME}")
assert again.frame.equals(results.frame), again.frame
assert again.entries[0][1].timing == results.entries[0][1].timing
"""
    done = in_child(code, saved)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"/datasets/{NAME}")
    assert [request["type"] for request in hub.made] == ["dataset"]
    assert set(hub.files) == {"results.jsonl", "README.md", "time_s.png", "memory_mb.png"}
    card = hub.files["README.md"].decode()
    assert card.startswith("---\ntags:\n- benchmark\n- hfbench_nb\n")
    assert "**Time (ms), inference" in card
    assert "![Time](time_s.png)" in card
    assert f'load_results("hf://datasets/{NAME}")' in card
    assert hub.files["time_s.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("variables", "refuse", "told"),
    [
        ({"HF_TOKEN": ""}, 0, "asks for a token"),
        ({}, 403, "must not do that"),
        ({"HF_HUB_OFFLINE": "1"}, 0, "cannot be reached"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, 0, "cannot be reached"),
    ],
)
def test_a_hub_that_does_not_take_them_says_what_to_do_and_nothing_is_lost(
    hub, saved, monkeypatch, variables, refuse, told
):
    hub.refuse = refuse
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = in_child(
        f"try: results.push_to_hub({NAME!r})\nexcept HubError as error: print(error)\nprint(len(results))", saved
    )
    assert done.returncode == 0, done.stderr
    message, rows = done.stdout.strip().splitlines()
    assert message.startswith(f"The results could not be pushed to hf://datasets/{NAME}: ")
    assert told in message
    assert rows == "8"


def test_results_that_are_not_there_and_bad_addresses(hub, saved):
    code = """
for address in ("hf://datasets/nobody/nothing", "hf://models/a/b", "hf://datasets/only"):
    try: load_results(address)
    except (ArgumentError, HubError) as error: print(type(error).__name__, error)
"""
    done = in_child(code, saved)
    missing, *bad = done.stdout.strip().splitlines()
    assert missing.startswith("HubError hf://datasets/nobody/nothing could not be read: there is no such repository")
    assert len(bad) == 2
    assert all("an address on the hub is hf://datasets/user/name" in line for line in bad)


@pytest.mark.parametrize("name", ["times", "a/b/c", "", 3, "a b/c"])
def test_a_name_that_is_none_is_refused_before_anything_is_pushed(name):
    with pytest.raises(ArgumentError, match="user/name"):
        sweep().push_to_hub(name)

"""What docs/http-in.md shows is run: the Python client, the site file, the commands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app as commands

from .conftest import READING, free_port

DOCS = Path(__file__).resolve().parents[3] / "docs" / "http-in.md"


def documented(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    assert found
    return found[1]


def run_client(
    url: str, key: str, tmp_path, count: int = 1, client: str = ""
) -> subprocess.CompletedProcess:
    script = tmp_path / "client.py"
    script.write_text(client or documented("python"), encoding="utf-8")
    given = {**os.environ, "ENERGY_URL": url, "ENERGY_KEY": key, "COUNT": str(count)}
    return subprocess.run(
        [sys.executable, "-I", str(script)],
        env={**given, "INTERVAL_S": "0.05"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_documented_client_posts_readings_that_are_stored(door, tmp_path):
    before = len(door.stored("roof"))

    done = run_client(door.url, door.roof, tmp_path, count=3)

    assert done.returncode == 0 and done.stdout.count("1 reading stored.") == 3, done.stdout
    assert len(door.stored("roof")) == before + 3


def test_the_documented_client_loses_no_good_reading_to_a_bad_one_beside_it(door, tmp_path):
    before = len(door.stored("roof"))
    client = documented("python").replace(
        "waiting = []",
        'waiting = [{**read_meter(), "timestamp": time.time() - s} for s in range(9, 0, -1)]\n'
        'waiting[4]["energy_consumed"] = "62.3"',
    )

    done = run_client(door.url, door.roof, tmp_path, client=client)

    assert done.returncode == 0, done.stderr
    assert "9 readings stored, 1 refused." in done.stdout
    assert 'energy_consumed is "62.3", which is no number.' in done.stdout
    assert len(door.stored("roof")) == before + 9


def test_the_documented_client_prints_why_it_is_refused(door, tmp_path):
    done = run_client(door.url, "edk_wrong", tmp_path)

    assert "401 This key is not known, or was revoked." in done.stdout


def test_the_documented_site_file_makes_the_meter(tmp_path):
    text = "\n".join(
        line[4:] for line in DOCS.read_text(encoding="utf-8").splitlines() if line[:4] == "    "
    )
    entries = text[text.index("[[links]]") : text.index("poll_interval_s = 300") + 21]
    file = tmp_path / "site.toml"
    file.write_text(f'[site]\nname = "S"\nzone = "UTC"\n{entries}\n', encoding="utf-8")

    result = CliRunner().invoke(commands, ["apply", str(file), "--site", str(tmp_path / "s")])

    assert result.exit_code == 0, result.output


def test_the_documented_reading_is_one(door):
    shown = re.search(r"    (\{\"energy_produced.*?\})", DOCS.read_text(encoding="utf-8"), re.S)
    assert shown

    assert door.post(json.loads(shown[1])).json()["accepted"] == 1


def test_the_sketch_sends_the_needed_fields_and_the_key():
    sketch = documented("cpp")

    assert all(f'\\"{name}\\"' in sketch for name in READING)
    assert '"X-API-Key"' in sketch and sketch.count("{") == sketch.count("}") + 1
    assert "ESP8266WiFi.h" in sketch and "<WiFi.h>" in sketch


def command(*arguments, **more):
    return CliRunner().invoke(commands, [str(a) for a in arguments], **more)


def test_keys_are_made_listed_and_revoked_by_commands(tmp_path):
    made = command("keys", "add", "roof", "--site", tmp_path, "--json")
    secret = json.loads(made.stdout)["secret"]
    again = command("keys", "add", "roof", "--site", tmp_path)
    listed = command("keys", "list", "--site", tmp_path, "--json")
    revoked = command("keys", "revoke", "roof", "--site", tmp_path, "--json")
    gone = command("keys", "revoke", "roof", "--site", tmp_path)

    assert secret.startswith("edk_") and len(secret) == 47
    assert again.exit_code == 2
    (key,) = json.loads(listed.stdout)["keys"]
    assert key["active"] and key["last_used_utc"] is None and secret not in listed.stdout
    assert json.loads(revoked.stdout)["key"]["active"] is False
    assert gone.exit_code == 3


def test_http_in_is_off_until_switched_on(tmp_path):
    before = json.loads(command("http-in", "--site", tmp_path, "--json").stdout)
    port = free_port()
    command("http-in", "on", "--port", port, "--site", tmp_path)
    after = json.loads(command("http-in", "--site", tmp_path, "--json").stdout)
    wrong = command("http-in", "on", "--address", "everywhere", "--site", tmp_path)

    assert before["on"] is False and before["address"] == "127.0.0.1"
    assert after["on"] is True and after["port"] == port
    assert wrong.exit_code == 2


@pytest.mark.skipif(os.name == "nt", reason="file rights are POSIX")
def test_a_link_password_is_read_from_stdin_and_kept_for_this_user_only(tmp_path, monkeypatch):
    from keyring.backends.fail import Keyring

    monkeypatch.setattr("keyring.get_keyring", Keyring)
    file = tmp_path / "site.toml"
    file.write_text(
        '[site]\nname = "S"\nzone = "UTC"\n[[links]]\nid = "mqtt"\nkind = "mqtt"\n'
        'host = "127.0.0.1"\n',
        encoding="utf-8",
    )
    folder = tmp_path / "s"
    command("apply", file, "--site", folder)

    kept = command("link-password", "mqtt", "--site", folder, "--json", input="s3cret\n")
    unknown = command("link-password", "other", "--site", folder, input="x\n")

    assert "only this user can read" in json.loads(kept.stdout)["kept"]
    assert (folder / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert "s3cret" not in kept.output and unknown.exit_code == 3

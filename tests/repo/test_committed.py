"""What is committed tells nothing that is its author's own: no credential, no address, no key."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from helpers.bases import host_settings
from helpers.host import paths
from helpers.host.errors import redacted


def committed() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone, so what is committed is not known")
    return [paths.ROOT / name for name in listed.stdout.split("\0") if name]


def texts_of(path: Path) -> str:
    """Return a file's text; of a notebook all but its pictures."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.sub(r'"image/(png|jpeg)": "[^"]*"', "", text) if path.suffix == ".ipynb" else text


def shared() -> list[Path]:
    """Return what readers pass on: lessons with their outputs, pages, templates, measurements."""
    pages = paths.ROOT / "docs/findings"
    invented = {pages / f"secret-in-{where}.md" for where in ("context", "image")}
    folders = ("notebooks", "docs", "bench", "README.md", "SECURITY.md")
    return [
        p
        for p in committed()
        if p not in invented
        and p.relative_to(paths.ROOT).as_posix().startswith(folders)
        and p.is_file()
        and p.suffix not in (".png", ".svg")
    ]


def test_no_output_page_or_measurement_holds_a_credential():
    for path in shared():
        for line in texts_of(path).splitlines():
            assert redacted(line) == line, f"{path.name}: {line[:200]}"


def test_no_output_tells_of_the_machine_it_was_made_on():
    """Its registries, its proxies and where its certificates lie are the reader's own affair."""
    hosts = {urlsplit(address).hostname or "" for address in own_addresses()}
    own = {host for host in hosts if re.search(r"\.[a-z]", host)}
    own |= {
        os.environ[name] for name in ("NODE_EXTRA_CA_CERTS", "DOCKER_CONFIG") if os.environ.get(name)
    }
    own -= {"/etc/ssl/certs/ca-certificates.crt"}  # Debian's place for them, on every machine
    for path in shared():
        text = texts_of(path)
        assert [word for word in own if word in text] == [], path.name


def own_addresses() -> list[str]:
    settings = [line.partition("=")[2] for line in host_settings.read().lines]
    wanted = re.compile(
        r".*_proxy|pip_(extra_)?index_url|npm_config_.*registry|uv_.*index.*", re.IGNORECASE
    )
    return settings + [value for name, value in os.environ.items() if wanted.fullmatch(name)]


def test_no_file_holds_what_looks_like_a_real_key():
    real = re.compile(
        r"AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{30}|\bnpm_[A-Za-z0-9]{36}|sk_live_\w{10}"
        r"|xox[abp]-\w{10}|-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----"
    )
    for path in committed():
        if path.is_file():
            assert not real.search(texts_of(path)), path.name

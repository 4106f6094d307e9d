"""What this host's own settings say that a container needs too: certificates and npm's registry.

Behind a company's TLS proxy ``npm ci`` in a container fails unless it knows the company's
certificates; on a closed network it must ask the company's registry. This module reads those
settings and writes them as files for a layer. It reads no credentials and writes none.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CA_FILE = "usr/local/share/workbook/host-ca.crt"
NPMRC = "usr/local/etc/npmrc"


@dataclass(frozen=True)
class HostSettings:
    """``bundle`` holds the host's certificates (PEM) or is None; ``npmrc`` holds npm's lines.

    ``whose`` they are is said in captions and is no part of the `key`.
    """

    bundle: bytes | None
    npmrc: tuple[str, ...]
    whose: str = "this host's"

    def __bool__(self) -> bool:
        """Whether a container needs anything of this."""
        return self.bundle is not None or bool(self.npmrc)

    @property
    def key(self) -> str:
        """A name for exactly these settings."""
        lines = "\n".join(self.npmrc).encode()
        return hashlib.sha256((self.bundle or b"") + b"\0" + lines).hexdigest()[:16]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make Node and npm use them."""
        return {"NODE_EXTRA_CA_CERTS": f"/{CA_FILE}"} if self.bundle is not None else {}

    @property
    def phrase(self) -> str:
        """What they are, for captions."""
        parts = ["CA bundle"] * (self.bundle is not None) + ["npm registry"] * bool(self.npmrc)
        return f"{self.whose} " + " and ".join(parts)

    def write(self, tree: Path) -> None:
        """Write them as files below ``tree``."""
        if self.bundle is not None:
            _write(tree / CA_FILE, self.bundle)
        if self.npmrc:
            _write(tree / NPMRC, "".join(f"{line}\n" for line in self.npmrc).encode())


NOTHING = HostSettings(None, ())


def read(environment: Mapping[str, str] = os.environ) -> HostSettings:
    """Read the host's settings; nothing when the variable ``WORKBOOK_CA`` is ``off``."""
    if environment.get("WORKBOOK_CA", "").lower() == "off":
        return NOTHING
    npm = _npm_settings(environment)
    named = (
        environment.get("NODE_EXTRA_CA_CERTS"),
        environment.get("SSL_CERT_FILE"),
        npm.get("cafile"),
    )
    bundles = [Path(name) for name in named if name and Path(name).is_file()]
    registries = {
        key: without_credentials(value)
        for key, value in npm.items()
        if key == "registry" or key.endswith(":registry")
    }
    return HostSettings(
        bundles[0].read_bytes() if bundles else None,
        tuple(f"{key}={value}" for key, value in sorted(registries.items())),
    )


def without_credentials(address: str) -> str:
    """Return an address without the user and password in it, and without a query.

    A password that was not encoded may hold any character; where a colon comes with no port behind it,
    all up to the last ``@`` is the login.
    """
    address = re.sub(r"^([\w+.-]+:)?//([^/]*@|[^/:]+:(?!\d+(/|$)).*@)", r"\1//", address)
    return re.split(r"[?#]", address, maxsplit=1)[0]


def _npm_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Read npm's files and variables as npm ranks them; asking npm itself would take 0.3 s."""
    settings: dict[str, str] = {}
    home = environment.get("HOME", "")
    user = environment.get("NPM_CONFIG_USERCONFIG") or f"{home}/.npmrc"
    for file in (*_global_npmrc(environment), Path(user)):
        if file.is_file():
            settings |= _ini(file.read_text(errors="replace"), environment)
    for name, value in environment.items():
        if name.lower().startswith("npm_config_") and value:
            settings[name.lower().removeprefix("npm_config_")] = value
    return settings


def _global_npmrc(environment: Mapping[str, str]) -> list[Path]:
    if named := environment.get("NPM_CONFIG_GLOBALCONFIG"):
        return [Path(named)]
    node = shutil.which("node", path=environment.get("PATH"))
    return [Path(node).resolve().parents[1] / "etc/npmrc"] if node else []


def _ini(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    settings = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith((";", "#")) and "_auth" not in key.lower():
            value = re.sub(r"\$\{(\w+)\}", lambda m: environment.get(m[1], ""), value)
            settings[key.strip()] = value.strip().strip("\"'")
    return settings


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

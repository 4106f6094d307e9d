"""Tell whether a file holds a secret: its name says where to look, and its content decides.

A template, a public certificate or a setting such as ``PORT=3050`` is not a secret. This module never
returns the value of a secret. It reads only files whose names and sizes are those of such files.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.buildx.context import Entry, printable
from helpers.engine import ImageError

if TYPE_CHECKING:
    from helpers.image import Image

_LARGEST = 256_000  # bytes of a file that is read
_MOST = 20  # files of an image that are read
_SYSTEM = ("/usr/", "/etc/ssl/", "/lib/", "/opt/", "/var/lib/")  # folders of packages, in an image

_SETTINGS = (".env", ".env.*", "*.env", ".flaskenv", "*.tfvars", "*.auto.tfvars")
_KEYS = ("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key")
_ACCOUNTS = (
    *("*account*.json", "*credential*.json", "*secret*.json", "*firebase*.json", "*adminsdk*.json"),
    *("*google*.json", "*gcp*.json", "*gcloud*.json", "*key*.json"),
)
_SEALED = ("*.p12", "*.pfx")
_TEMPLATES = re.compile(
    r"(?i)example|sample|template|snakeoil|self-?signed|(^|[^a-z])(test|testing|ci|e2e|dummy|fake)(?![a-z]{3})"
    r"|^testing|^test(key|cert)|\.(dist|tmpl|tpl|j2|erb|pub|md|enc|gpg|age|sops)$"
)
_ELSEWHERES = {  # folders of other people's files, or of files that only a test reads
    *(".git", ".github", ".gitlab", ".ci", ".circleci", ".devcontainer"),
    *("node_modules", "vendor", "site-packages", "dist-packages", ".venv", "venv"),
    *(
        "test",
        "tests",
        "__tests__",
        "testdata",
        "test-data",
        "fixtures",
        "__fixtures__",
        "spec",
        "specs",
    ),
    *("e2e", "mock", "mocks", "__mocks__", "example", "examples", "sample", "samples", "docs", "doc"),
}
_PRIVATE = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s")
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[:=]\s*(.*?)\s*$")
_NAMES = re.compile(
    r"(?i)passw(or)?d|passphrase|secret|token|(api|access|private|auth|encryption|signing|master|app)"
    r"[_-]?key|credential|^pass$|_pass$|pwd$"
)
_NAMES_OF_OTHERS = re.compile(  # what stands beside a secret and is none: its length, its file, its age
    r"(?i)public|publishable|anon|site_?key|client_?id|key_?id|user(name)?$|_(file|path|dir|name|id|type"
    r"|ttl|length|size|header|algorithm|alg|issuer|audience|prefix|field|field_?name|cookie|url|uri|host"
    r"|region|version|rounds|(time|expir\w*|lifetime|age|days|hours|minutes|seconds|ms)(_\w+)?)$"
    r"|^(use|enable|disable|require|allow|max|min|has|is|show|no)_|expir|lifetime|minutes|days|enabled"
)
_PREFIXES = re.compile(
    r"(gh[pousr]_|github_pat_|glpat-|npm_|xox[abpr]-|sk[-_]|rk_live_|AKIA|ASIA|AIza|SG\.|EAAC|ya29\.|dop_v1_"
    r"|hf_|pypi-|shpat_|eyJ[\w-]{10,}\.)[\w.-]{8,}"
)
_PLACEHOLDERS = re.compile(
    r"(?i)^(your|my|change|replace|insert|enter|put|some|any|the|add|fill|set|use|todo|tbd|dummy|fake|test"
    r"|testing|example|sample|demo|dev|develop\w*|local\w*|default|insecure|unsafe|not|none|null|false|true"
    r"|super|very|this|please|random|generate\w*|secret|password|passw0rd|passwd|admin|root|user|postgres"
    r"|mysql|mongo|redis|minio|guest|hello|foo|bar|abc|123|key|token|jwt|app|django|laravel|rails|node)"
    r"|change[-_ ]?(me|this|it)|placeholder|replace|example|xxx|\.\.\.|\*\*\*|^[<\[{$%(]|[<{(]\w*[>})]$"
    r"|\$\{|\$\("
    r"|_here|-here|dummy|insecure|lorem|do-?not"
)
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.]*://[^\s:/@]*:([^\s@/]+)@([^\s:/?\"']+)", re.IGNORECASE)
_LOCAL = re.compile(r"(localhost|127\.|0\.0\.0\.0|host\.docker|\[?::1)|^[^.]*$", re.IGNORECASE)
_EASY = 3.0  # bits for each character: a text of fewer is a word, not a secret
_SHORTEST = 6  # characters


@dataclass(frozen=True)
class Secret:
    """A file that holds a secret: its path in a printable form, and what it holds, in a phrase."""

    path: str
    what: str
    tracked: bool = False


def in_context(context: Path, files: Iterable[Entry], tracked: Collection[str] = ()) -> Iterator[Secret]:
    """Yield the files of a context that hold a secret; ``tracked`` are the paths that git tracks.

    A file that cannot be read is left.
    """
    for entry in files:
        if may_hold(entry.path) and entry.bytes <= _LARGEST:
            with contextlib.suppress(OSError):
                what = held(entry.path, (context / entry.path).read_bytes())
                if what:
                    yield Secret(printable(entry.path), what, entry.path in tracked)


def in_image(image: Image, base_layers: int) -> Iterator[Secret]:
    """Yield the files above the base, and outside the folders of packages, that hold a secret.

    ``base_layers`` is the number of layers that come from the base. Raises `ImageError` when the engine
    does not have the image.
    """
    named = [
        file.path
        for file in image.files
        if file.layer >= base_layers
        and file.kind == "file"
        and file.bytes <= _LARGEST
        and not file.path.startswith(_SYSTEM)
        and may_hold(file.path)
    ]
    for path in named[:_MOST]:
        with contextlib.suppress(ImageError):
            what = held(path, image.read(path))
            if what:
                yield Secret(printable(path), what)


def may_hold(path: str) -> bool:
    """Whether a file's name and place are those of a file with secrets, so that it is worth reading."""
    *folders, name = path.split("/")
    if not _WORTH_A_LOOK.match(name) and ".envs" not in folders:
        return False
    if _ELSEWHERES & set(folders) or _TEMPLATES.search(name):
        return False
    return ".envs" in folders or any(_fits(path, patterns) for patterns, _ in _KINDS)


def held(path: str, content: bytes) -> str:
    """Return what secret a file holds, such as ``a private key`` or ``DB_PASSWORD``; empty for none."""
    text = content.decode(errors="replace")
    for patterns, judge in _KINDS:
        if _fits(path, patterns):
            return judge(text)
    return _setting(text) if ".envs" in path.split("/") else ""


def _setting(text: str) -> str:
    """Return the names of the settings in a text whose values look like secrets, at most two."""
    names = list(dict.fromkeys(_secret_settings(text)))
    if _PRIVATE.search(text):
        return "a private key"
    shown = [f"`{name}`" for name in names[:2]]
    return " and ".join(shown) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _secret_settings(text: str) -> Iterator[str]:
    for line in text.splitlines():
        found = _LINE.match(line)
        if not found or line.lstrip().startswith(("#", "//", ";")):
            continue
        name, value = found[1], _unquoted(found[2])
        login = _ADDRESS.search(value)
        telling = _NAMES.search(name) or _PREFIXES.fullmatch(value)
        in_address = login and not _LOCAL.search(login[2]) and _looks_secret(login[1])
        by_name = telling and not _NAMES_OF_OTHERS.search(name) and _looks_secret(value)
        if in_address or by_name:
            yield name


def _unquoted(value: str) -> str:
    quoted = re.match(r"([\"'])(.*?)\1", value)
    return quoted[2] if quoted else re.split(r"\s#", value)[0].strip()


def _looks_secret(value: str) -> bool:
    """Whether a value is neither a placeholder nor a word: long, mixed, and not often repeated."""
    value = value.removeprefix("base64:")
    if _PREFIXES.fullmatch(value):
        return True
    if len(value) < _SHORTEST or " " in value or _PLACEHOLDERS.search(value):
        return False
    if value.startswith(("/", "./", "http://", "https://", "@")):
        return False
    mixed = bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
    return mixed and _bits(value) >= min(_EASY, log2(len(value)) - 0.35)


def _bits(text: str) -> float:
    """Return the bits for each character of a text, by Shannon's formula."""
    return -sum(n / len(text) * log2(n / len(text)) for n in Counter(text).values())


def _key(text: str) -> str:
    if _PRIVATE.search(text):
        return "a private key"
    return "a key" if re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{128}", text.strip()) else ""


def _sealed(text: str) -> str:
    return "a private key" if text else ""


def _account(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    if found.get("type") == "service_account" and _PRIVATE.search(str(found.get("private_key"))):
        return "the key of a service account"
    client = found.get("installed") or found.get("web")
    if isinstance(client, dict) and _looks_secret(str(client.get("client_secret", ""))):
        return "an OAuth client's secret"
    return "a private key" if _PRIVATE.search(str(found.get("private_key"))) else ""


def _value_of(pattern: str, what: str) -> Callable[[str], str]:
    """Return what judges a text: ``what``, where the pattern's group finds a value that is given."""
    found_by = re.compile(pattern, re.MULTILINE)
    return lambda text: what if any(map(_given, found_by.findall(text))) else ""


def _given(value: str) -> bool:
    """Whether a value stands in the file itself, not in a variable or as a placeholder."""
    return len(value.strip("\"'")) >= _SHORTEST and not _PLACEHOLDERS.search(value.strip("\"'"))


def _state(text: str) -> str:
    has_resources = re.search(r'"resources"\s*:\s*\[\s*\{', text)
    return "the state of Terraform, with the values of its resources" if has_resources else ""


def _registries(text: str) -> str:
    return "the login of a registry" if re.search(r'"auth"\s*:\s*"[^"]{8,}"', text) else ""


def _addresses(text: str) -> str:
    return "a password" if any(_given(found[1]) for found in _ADDRESS.finditer(text)) else ""


def _fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits a file's name or, with a slash in it, is the end of its path."""
    name = path.rpartition("/")[2]
    return any(
        f"/{path}".endswith(f"/{pattern}") if "/" in pattern else fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


_npm = _value_of(r"^[^#;\n]*(?::_authToken|:?_auth|:_password)\s*=\s*(\S+)", "a token of npm")
_yarn = _value_of(r"^\s*npmAuth(?:Token|Ident)\s*:\s*[\"']?([^\s\"']+)", "a token of npm")
_aws = _value_of(r"^\s*aws_(?:secret_access_key|session_token)\s*=\s*(\S+)", "a key of AWS")
_cluster = _value_of(
    r"^\s*(?:client-key-data|token|password)\s*:\s*[\"']?([^\s\"']+)", "the login of a cluster"
)
_login = _value_of(r"^[^#\n]*\bpassword\s*[:=]?\s*(\S+)", "a password")
_KINDS: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    (_SETTINGS, _setting),
    (_KEYS, _key),
    (_SEALED, _sealed),
    ((".npmrc",), _npm),
    ((".yarnrc.yml",), _yarn),
    (("*.tfstate", "*.tfstate.backup"), _state),
    ((".aws/credentials",), _aws),
    ((".docker/config.json",), _registries),
    ((".kube/config", "kubeconfig", "*.kubeconfig"), _cluster),
    ((".netrc", ".pypirc"), _login),
    ((".git-credentials",), _addresses),
    (_ACCOUNTS, _account),
)
_WORTH_A_LOOK = re.compile(  # the names of all of them: most files are told apart by this alone
    "|".join(fnmatch.translate(p.rpartition("/")[2]) for patterns, _ in _KINDS for p in patterns)
)

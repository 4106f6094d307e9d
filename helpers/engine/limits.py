"""The limits that every container of the workbook has, and the labels that say whose it is.

Every container is made with `settings`, whether or not it ever starts; what is different for one
stands where it is made, and in SECURITY.md. It makes no container.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from helpers.engine.engine import LABEL
from helpers.host import paths, processes

OWNER_LABEL = f"{LABEL}.owner"
CHECKOUT_LABEL = f"{LABEL}.checkout"
MEMORY = "512m"
PROCESSES = 256


def settings(kind: str) -> dict[str, Any]:
    """Return what the SDK's ``containers.create`` is told of each container; ``kind`` is its label.

    The reader's proxies stay out of it: Docker's client would copy them, passwords and all, from its
    configuration into the container's environment, and a commit from there into an image.
    """
    return {
        "labels": {LABEL: kind, OWNER_LABEL: owner(), CHECKOUT_LABEL: str(paths.ROOT)},
        "mem_limit": MEMORY,
        "pids_limit": PROCESSES,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "use_config_proxy": False,
    }


def owner() -> str:
    """Return who owns what this process makes: its machine and its number."""
    return f"{socket.gethostname()}/{os.getpid()}"


def is_gone(owner: str) -> bool:
    """Whether an owner is known to have ended: of another machine's processes nothing is known."""
    host, _, process = owner.partition("/")
    return host == socket.gethostname() and not processes.alive(int(process))

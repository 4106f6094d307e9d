"""The Docker engine: found, or started privately; its containers, pulls and save stream.

A caller writes ``from helpers import engine``, or ``engine as engines`` where an `Engine` is called
``engine``. The other modules are imported by their names: ``from helpers.engine import container``.
"""

from helpers.engine.container import ContainerError, Running
from helpers.engine.engine import LABEL, LOST, Engine, EngineError, NoEngineError, find, in_touch, of
from helpers.engine.private import PrivateEngine
from helpers.engine.saved import ImageError

__all__ = [
    "LABEL",
    "LOST",
    "ContainerError",
    "Engine",
    "EngineError",
    "ImageError",
    "NoEngineError",
    "PrivateEngine",
    "Running",
    "find",
    "in_touch",
    "of",
]

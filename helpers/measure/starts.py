"""How long an image that the engine has already takes to its first answer.

One measurement at a time: `helpers.claims.figures` repeats them. Nothing is pulled here.
"""

from __future__ import annotations

import time

from helpers.buildx.run import BuildResult
from helpers.engine import container


def seconds_to_answer(result: BuildResult) -> float:
    """Return the seconds from the order to create a container to its first answered request.

    Raises the errors of `helpers.engine.container`.
    """
    begun = time.monotonic()
    with container.running(result.image_id, where=result.engine):
        return time.monotonic() - begun

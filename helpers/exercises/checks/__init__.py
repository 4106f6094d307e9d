"""What an exercise can ask of an answer, judged by what the answer does, never by its text.

Each function makes a `Check`. They stand by what they look at: the image, its container, the next
build, the build context.
"""

from helpers.exercises.checks.container import (
    answers,
    becomes_healthy,
    tells_its_release,
    trusts_authorities,
)
from helpers.exercises.checks.context import sends_at_most, sends_nothing_new
from helpers.exercises.checks.image import (
    at_most,
    at_most_above_recommended,
    cannot_change_itself,
    has_no_shell,
    hides_the_secret,
    is_not_root,
    leaves_behind,
    stands_on_supported_lines,
    user_is_a_number,
    wastes_at_most,
)
from helpers.exercises.checks.model import Check
from helpers.exercises.checks.rebuild import (
    draws_only_the_new_chart,
    keeps_steps_apart,
    keeps_the_build_of_a_release,
    keeps_the_install,
    moves_at_most,
    moves_both_stages,
    reruns_one_step,
    shares_layers,
    stops_at_a_broken_test,
)

__all__ = [
    "Check",
    "answers",
    "at_most",
    "at_most_above_recommended",
    "becomes_healthy",
    "cannot_change_itself",
    "draws_only_the_new_chart",
    "has_no_shell",
    "hides_the_secret",
    "is_not_root",
    "keeps_steps_apart",
    "keeps_the_build_of_a_release",
    "keeps_the_install",
    "leaves_behind",
    "moves_at_most",
    "moves_both_stages",
    "reruns_one_step",
    "sends_at_most",
    "sends_nothing_new",
    "shares_layers",
    "stands_on_supported_lines",
    "stops_at_a_broken_test",
    "tells_its_release",
    "trusts_authorities",
    "user_is_a_number",
    "wastes_at_most",
]

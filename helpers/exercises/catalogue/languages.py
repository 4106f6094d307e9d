"""The exercises of lesson 14: the same, in another language."""

from __future__ import annotations

from helpers.exercises import checks
from helpers.exercises.exercise import Exercise
from helpers.exercises.projects import GO

EXERCISES = (
    Exercise(
        "static",
        "14_languages",
        "Nothing but the program, almost",
        "The image holds one program and answers. But it cannot call anybody over https, and it runs as "
        "root. Mend both, and stay on `FROM scratch`.",
        (
            checks.answers(),
            checks.trusts_authorities(),
            checks.is_not_root(),
            checks.user_is_a_number(),
            checks.has_no_shell(),
            checks.at_most(12),
        ),
        (
            "The builder has what the last stage lacks.",
            "The authorities are one file, `/etc/ssl/certs/ca-certificates.crt`. A user needs no entry "
            "in any file if it is a number.",
            "`COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/`, "
            "and `USER 65532`.",
        ),
        project=GO,
    ),
)

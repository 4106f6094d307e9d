"""The proposals, in the order in which they are tried; each looks at a draft and may return a change.

A rule reads text and what was seen of the image; it builds nothing. The proof decides.
"""

from helpers.improve.draft import Proposer
from helpers.improve.rules import bases, context, go, install, layers, python, stages, start

ORDER: tuple[Proposer, ...] = (
    context.ignore,
    context.ignore_secrets,
    install.before_sources,
    install.from_lock_file,
    install.cache_mounts,
    stages.production_install,
    stages.prune_before_copy,
    stages.second_stage,
    stages.second_stage_with_folder,
    stages.second_stage_with_all,
    go.compiler_stays_behind,
    python.second_stage,
    start.health_by_node,
    bases.slim,
    stages.second_stage_slim,
    bases.alpine,
    layers.lists_removed,
    layers.no_cache_kept,
    layers.chown_in_copy,
    layers.late_arguments,
    bases.supported,
    start.other_user,
    start.exec_form,
)

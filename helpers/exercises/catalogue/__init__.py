"""The exercises, lesson by lesson: what each asks, what must hold, and its three hints."""

from helpers.exercises.catalogue import (
    cache,
    capstone,
    context,
    howlow,
    languages,
    pins,
    pipeline,
    sizes,
    stages,
    surface,
)

CATALOGUE = (
    *sizes.EXERCISES,
    *cache.EXERCISES,
    *context.EXERCISES,
    *pins.EXERCISES,
    *stages.EXERCISES,
    *surface.EXERCISES,
    *pipeline.EXERCISES,
    *howlow.EXERCISES,
    *languages.EXERCISES,
    *capstone.EXERCISES,
)

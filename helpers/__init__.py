"""What the lessons and the commands are made of: twelve packages; each uses only those below it.

lesson
    What a notebook calls: the verbs of all lessons, one module for each lesson, the widgets, the doctor.
exercises
    Tasks whose checks build and try an answer, with hints and solutions.
improve
    From findings to a proven patch: each change to a Dockerfile is built, run and compared.
examine
    A report on any project with a Dockerfile: its size, its waste, and what breaks its cache.
measure
    Experiments on the sample app, one module for each topic; each figure comes from a real run.
buildx
    Reads a Dockerfile and its build context, runs one build, and follows its steps.
bases
    The images behind FROM: found, pulled, or composed as stand-ins; and the kit that carries them.
image
    What is in a finished image: layers, files, waste, packages, secrets, attack surface.
engine
    The Docker engine: the reader's, or one started privately; its containers, pulls and saved images.
claims
    What the article claims, the rule that judges each claim by measured figures, and the ledger.
plots
    Charts from tables, in one style; they know nothing of Docker.
host
    This machine without Docker: errors, folders, processes, locks, downloads.

`measure` and `examine`, `bases` and `image`, `engine` and `claims` stand side by side.
"""

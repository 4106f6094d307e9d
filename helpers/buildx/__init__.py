"""Read a Dockerfile and its context, run one ``docker buildx build``, follow its steps."""

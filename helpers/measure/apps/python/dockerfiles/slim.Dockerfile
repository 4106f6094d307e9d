# The packages are installed into a virtual environment, and the environment is all that is copied.
FROM python:3.13 AS builder
RUN python -m venv --without-pip /venv
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
  pip --python /venv/bin/python install --require-hashes -r requirements.lock

FROM python:3.13-slim AS runner
WORKDIR /app
ENV PATH=/venv/bin:$PATH
COPY --from=builder /venv /venv
COPY shipments ./shipments
USER 65532:65532
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/healthz')"]
CMD ["python", "-m", "shipments"]

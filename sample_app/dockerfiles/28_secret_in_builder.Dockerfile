# A build argument of the builder stage alone: not in the image, nor in its history, yet in its provenance.
FROM node:24-bookworm-slim AS builder
ARG PAYMENT_API_KEY
RUN printf '%s' "$PAYMENT_API_KEY" | wc -c > key-length.txt

FROM scratch
COPY --from=builder key-length.txt /

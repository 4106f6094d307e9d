# A secret as an environment variable: in the history, and in every container's environment.
FROM node:24-bookworm-slim
ARG PAYMENT_API_KEY
ENV PAYMENT_API_KEY=$PAYMENT_API_KEY
WORKDIR /app
RUN printf '%s' "$PAYMENT_API_KEY" | wc -c > key-length.txt
CMD ["node", "--version"]

# A secret as a build argument: no file holds it, but the image's history does.
FROM node:24-bookworm-slim
ARG PAYMENT_API_KEY
WORKDIR /app
RUN printf '%s' "$PAYMENT_API_KEY" | wc -c > key-length.txt
CMD ["node", "--version"]

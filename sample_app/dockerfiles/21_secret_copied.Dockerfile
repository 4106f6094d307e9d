# A secret that nobody copied on purpose: COPY . . takes .env.local along.
FROM node:24-bookworm-slim
WORKDIR /app
COPY . .
CMD ["node", "--version"]

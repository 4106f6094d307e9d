# The same secret, removed one instruction later: hidden by a whiteout, still in the layer below.
FROM node:24-bookworm-slim
WORKDIR /app
COPY . .
RUN rm .env.local
CMD ["node", "--version"]

# The test stage as a gate: the runner takes dist/ from it, so there is no image until the tests pass.
FROM node:24-trixie-slim AS base
WORKDIR /app
COPY package*.json ./

FROM base AS deps
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev

FROM base AS builder
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build

FROM builder AS lint
RUN npm run lint

FROM builder AS test
RUN npm test

FROM gcr.io/distroless/nodejs24-debian13:nonroot AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=deps /app/node_modules ./node_modules
COPY --from=test /app/dist ./dist
EXPOSE 3000
CMD ["dist/index.js"]

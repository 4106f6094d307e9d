# The builder in two stages: what comes before the step that may fail has a name, and so an image.
FROM node:24-trixie-slim AS base
WORKDIR /app
COPY package*.json ./

FROM base AS deps
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev

FROM base AS sources
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .

FROM sources AS builder
RUN npm run build

FROM gcr.io/distroless/nodejs24-debian13:nonroot AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=deps /app/node_modules ./node_modules
COPY --from=builder /app/dist ./dist
EXPOSE 3000
CMD ["dist/index.js"]

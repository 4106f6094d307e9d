# The golden file: each line is here because a lesson of this course measured what it does.
ARG NODE=24

# The libc of the runner, and tools that stay behind (lessons 02, 06).
FROM node:${NODE}-trixie-slim AS base
WORKDIR /app
# What the install needs, and nothing that changes more often (lesson 04).
COPY --link package*.json ./

FROM base AS deps
# A token for a private registry is mounted, so no layer holds it (lesson 05b); npm's downloads are
# mounted, so that no layer holds them either (lessons 01, 04).
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev

FROM base AS builder
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
  --mount=type=cache,target=/root/.npm \
  npm ci
COPY --link . .
RUN npm run build

# No image without passed tests: the runner takes dist/ from here (lesson 07).
FROM builder AS test
RUN npm test

# A line that gets fixes, without a shell and without root (lessons 03, 06, 08).
FROM gcr.io/distroless/nodejs${NODE}-debian13:nonroot AS runner
# Root makes the folder, so the app cannot write into it (lesson 08).
USER 0
WORKDIR /app
ENV NODE_ENV=production
# What changes least comes first; --link keeps these layers when the base moves (lesson 09).
COPY --link --from=deps /app/node_modules ./node_modules
COPY --link --from=test /app/dist ./dist
# A number, because Kubernetes cannot tell that a name is not root (lesson 08).
USER 65532
EXPOSE 3000
# The check asks the app itself, with the only program that there is (lesson 08).
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:3000/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1 and gets SIGTERM (lesson 07).
CMD ["dist/index.js"]
# What differs in each build comes last, so that it breaks no cache (lesson 04).
ARG REVISION=unknown
LABEL org.opencontainers.image.revision=$REVISION

# Builds on musl (Alpine) and runs on glibc (Debian): the native module that npm chose does not fit.
FROM node:24-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
RUN npm install --no-save @node-rs/argon2@2.0.2
COPY . .
RUN npm run build

FROM gcr.io/distroless/nodejs24-debian13 AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=builder /app/dist ./dist
COPY --from=builder /app/node_modules ./node_modules
EXPOSE 3000
CMD ["--require", "@node-rs/argon2", "dist/index.js"]

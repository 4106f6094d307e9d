# The pruned distroless file with COPY --link: each of these layers stands on nothing below it.
FROM node:20-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:20-alpine AS deps
WORKDIR /app
COPY package*.json ./
RUN npm ci --omit=dev

FROM gcr.io/distroless/nodejs20-debian12 AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --link --from=deps /app/node_modules ./node_modules
COPY --link --from=builder /app/dist ./dist
EXPOSE 3000
CMD ["dist/index.js"]

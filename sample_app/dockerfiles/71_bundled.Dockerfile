# One file instead of node_modules: esbuild puts the app and what it uses of its packages into a bundle.
FROM node:20 AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run bundle

FROM gcr.io/distroless/nodejs20-debian12 AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=builder /app/dist/bundle.js ./
USER 65532:65532
EXPOSE 3000
CMD ["bundle.js"]

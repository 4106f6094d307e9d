# Builds and tries a package on Node 20.19, runs on 20.18: one line, and only the newer can require() an ES module.
FROM node:20.19-slim AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
RUN npm install --no-save nanoid@5.1.6
COPY . .
RUN npm run build
RUN node --require nanoid --eval "console.log('loads')"

FROM node:20.18-slim AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=builder /app/dist ./dist
COPY --from=builder /app/node_modules ./node_modules
EXPOSE 3000
CMD ["node", "--require", "nanoid", "dist/index.js"]

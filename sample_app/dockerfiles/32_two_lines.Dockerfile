# Builds on Node 20 and runs on 24: an addon compiled for the one does not load in the other.
FROM node:20 AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
RUN npm install --no-save --nodedir=/usr/local unix-dgram@2.0.7
COPY . .
RUN npm run build

FROM gcr.io/distroless/nodejs24-debian13:nonroot AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=builder /app/dist ./dist
COPY --from=builder /app/node_modules ./node_modules
EXPOSE 3000
CMD ["--require", "unix-dgram", "dist/index.js"]

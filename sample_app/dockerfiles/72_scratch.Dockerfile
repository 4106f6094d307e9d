# No distribution at all: Node, the libraries that it links, and the bundle.
FROM node:20 AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run bundle

FROM node:20 AS runtime
WORKDIR /runtime
RUN cp --parents -L /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o "/[^ ]*") .

FROM scratch AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=runtime /runtime/ /
COPY --from=builder /app/dist/bundle.js ./
USER 65532:65532
EXPOSE 3000
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["bundle.js"]

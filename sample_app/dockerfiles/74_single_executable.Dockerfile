# A single executable: the bundle becomes a part of the (stripped) Node binary.
FROM node:20 AS runtime
WORKDIR /runtime
RUN cp --parents -L $(ldd /usr/local/bin/node | grep -o "/[^ ]*") .
RUN strip -o /node /usr/local/bin/node

FROM node:20 AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run bundle -- --minify
COPY <<EOF sea.json
{ "main": "dist/bundle.js", "output": "sea.blob", "disableExperimentalSEAWarning": true, "useCodeCache": true }
EOF
COPY --from=runtime /node shipments-api
RUN node --experimental-sea-config sea.json \
 && npx --yes postject@1.0.0-alpha.6 shipments-api NODE_SEA_BLOB sea.blob \
    --sentinel-fuse NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2

FROM scratch AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=runtime /runtime/ /
COPY --from=builder /app/shipments-api ./
USER 65532:65532
EXPOSE 3000
ENTRYPOINT ["/app/shipments-api"]

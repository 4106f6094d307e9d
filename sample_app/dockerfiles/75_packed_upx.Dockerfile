# Node packed with UPX, a quick method: it unpacks itself into memory at each start.
# UPX is among the backports of Debian 12; the mirror is the one that the image's own sources name.
FROM node:20 AS packer
RUN apt-get update \
 && apt-get indextargets "Codename: bookworm" "Created-By: Packages" \
    --format "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \$(REPO_URI) bookworm-backports main" \
    > /etc/apt/sources.list.d/backports.list \
 && apt-get update \
 && apt-get install --yes --no-install-recommends --target-release bookworm-backports upx-ucl

FROM packer AS runtime
WORKDIR /runtime
RUN cp --parents -L /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o "/[^ ]*") .
RUN strip usr/local/bin/node
RUN upx -5 usr/local/bin/node

FROM node:20 AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run bundle

FROM scratch AS runner
WORKDIR /app
ENV NODE_ENV=production
COPY --from=runtime /runtime/ /
COPY --from=builder /app/dist/bundle.js ./
USER 65532:65532
EXPOSE 3000
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["bundle.js"]

# Node packed with Zstandard, and a launcher of a few lines that unpacks it into memory and starts it.
FROM node:20 AS runtime
RUN apt-get update && apt-get install --yes --no-install-recommends libzstd-dev zstd
WORKDIR /runtime
RUN cp --parents -L /usr/local/bin/node $(ldd /usr/local/bin/node | grep -o "/[^ ]*") .
RUN strip usr/local/bin/node
RUN zstd -12 --rm usr/local/bin/node -o node.zst
COPY <<EOF /launch.c
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

int main(int argc, char **argv, char **environment) {
  int packed = open("/node.zst", O_RDONLY), node = memfd_create("node", MFD_CLOEXEC);
  struct stat info;
  if (packed < 0 || node < 0 || fstat(packed, &info)) err(127, "/node.zst");
  void *from = mmap(NULL, info.st_size, PROT_READ, MAP_PRIVATE, packed, 0);
  if (from == MAP_FAILED) err(127, "/node.zst");
  unsigned long long size = ZSTD_getFrameContentSize(from, info.st_size);
  if (ZSTD_isError(size) || ftruncate(node, size)) err(127, "no memory for Node");
  void *to = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, node, 0);
  if (to == MAP_FAILED) err(127, "no memory for Node");
  if (ZSTD_isError(ZSTD_decompress(to, size, from, info.st_size))) errx(127, "/node.zst is damaged");
  munmap(to, size);
  fexecve(node, argv, environment);
  err(127, "Node");
}
EOF
RUN gcc -O2 -static -s -o usr/local/bin/node /launch.c -lzstd

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

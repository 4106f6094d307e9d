# The compiler stays in the first stage; the image that ships holds one file.
FROM buildpack-deps:bookworm AS builder
WORKDIR /tally
COPY Makefile ./
COPY src src
RUN make LDFLAGS=-static

FROM scratch
COPY --from=builder /tally/tally /tally
USER 65534
CMD ["/tally"]

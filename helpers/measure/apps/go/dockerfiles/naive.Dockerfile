# One stage on the full Go image: compiler, its cache and all sources stay in the image.
FROM golang:1.24
WORKDIR /app
COPY . .
RUN go build -o /usr/local/bin/server .
EXPOSE 3000
CMD ["server"]

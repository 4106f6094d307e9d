# What COPY . . takes of a build context, and nothing else: an image that shows what was sent.
FROM scratch
WORKDIR /context
COPY . .

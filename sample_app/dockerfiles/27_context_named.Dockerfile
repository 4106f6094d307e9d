# The same probe with the paths that the app's build needs, named one by one: BuildKit asks for no more.
FROM scratch
WORKDIR /context
COPY package*.json tsconfig*.json ./
COPY src ./src

// The variants, described once. `docker buildx bake` builds the default group, `docker buildx bake NAME`
// one of them; what two of them have in common is built once.
group "default" {
  targets = ["alpine", "distroless", "distroless_pruned"]
}

target "naive" {
  dockerfile = "dockerfiles/01_naive.Dockerfile"
  tags       = ["shipments-api:naive"]
}

target "alpine" {
  dockerfile = "dockerfiles/02_alpine.Dockerfile"
  tags       = ["shipments-api:alpine"]
}

target "distroless" {
  dockerfile = "dockerfiles/03_distroless.Dockerfile"
  tags       = ["shipments-api:distroless"]
}

target "distroless_pruned" {
  dockerfile = "dockerfiles/04_distroless_pruned.Dockerfile"
  tags       = ["shipments-api:distroless_pruned"]
}

target "recommended" {
  dockerfile = "dockerfiles/05_recommended.Dockerfile"
  tags       = ["shipments-api:recommended"]
}

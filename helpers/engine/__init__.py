"""The Docker engine: found, or started privately; its containers, pulls and save stream."""

"""Experiments on the sample app, one module a topic, each run for real."""

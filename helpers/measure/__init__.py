"""Experiments on the sample app, one module for each topic; every figure comes from a real run."""

"""Measure what the workbook costs against the same work typed by hand, side by side in one run.

``python -m tests.bench`` runs every topic; with names of topics after it, those, and what is kept of
the others stays. The two sides of a row take turns (A B A B), so that whatever else the machine does
falls on both. Rows come from a module a topic; `rows` has their form and their arithmetic.
"""

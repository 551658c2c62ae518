"""Print the answer of a celery worker: its pid."""

from importlib import import_module

tasks = import_module("tasks")  # of examples/frameworks/celery, where this runs

print(tasks.work.delay().get(timeout=60))

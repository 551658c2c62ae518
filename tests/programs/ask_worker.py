"""Print the answer of a celery worker: its pid."""

import tasks

print(tasks.work.delay().get(timeout=60))

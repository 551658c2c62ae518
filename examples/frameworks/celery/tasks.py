"""A task that uses a secret; the broker is a folder.

harden --children -- celery -A tasks worker
python -c 'from tasks import work; print(work.delay().get())'
"""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

QUEUE = Path(__file__).with_name("queue")
QUEUE.mkdir(exist_ok=True)

app = Celery("tasks", broker="filesystem://", backend=f"file://{QUEUE}")
app.conf.broker_transport_options = dict.fromkeys(
    ("data_folder_in", "data_folder_out", "control_folder"), str(QUEUE)
)

SECRET = Path(os.environ["SECRET_FILE"]).read_text()


@app.task
def work() -> int:
    """Return the pid of the worker."""
    return os.getpid()

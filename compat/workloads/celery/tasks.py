"""A task of celery; the broker is a folder."""

from pathlib import Path

from celery import Celery

QUEUE = Path(__file__).with_name("queue")
QUEUE.mkdir(exist_ok=True)
app = Celery("tasks", broker="filesystem://", backend=f"file://{QUEUE}")
app.conf.broker_transport_options = dict.fromkeys(
    ("data_folder_in", "data_folder_out", "control_folder"), str(QUEUE)
)


@app.task
def double(number: int) -> int:
    """Twice a number."""
    return 2 * number

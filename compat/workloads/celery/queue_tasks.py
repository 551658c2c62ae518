"""Start a worker of celery, have it do 20 tasks, end it: queue_tasks.py COMMAND..."""

import subprocess
import sys

from tasks import double

with open("worker.log", "w") as log:
    worker = subprocess.Popen(sys.argv[1:], stdout=log, stderr=log)
    tasks = [double.delay(number) for number in range(20)]
    total = sum(task.get(timeout=120) for task in tasks)
    worker.terminate()
    print(f"{len(tasks)} tasks, sum {total}, ended with {worker.wait(60)}")

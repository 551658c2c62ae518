exec python queue_tasks.py start celery -A tasks worker --concurrency=2

# docker build -f docker/execute-only.Dockerfile gunicorn
# The context has the wheel of process-hardening: `pip wheel --no-deps .` in a clone builds it.
# Root owns the environment and its execute-only interpreter, and the service runs as another user:
# every Python process in the container is born hardened, and nothing in it can undo that.
FROM python:3.13-slim
COPY process_hardening-*.whl /tmp/
RUN python -m venv /opt/app \
 && /opt/app/bin/pip install --no-cache-dir gunicorn /tmp/process_hardening-*.whl \
 && /opt/app/bin/process-hardening hook enable --execute-only
WORKDIR /app
COPY app.py .
USER 65534:65534
CMD ["/opt/app/bin/gunicorn", "app:app"]

# docker build -f docker/execute-only.Dockerfile gunicorn
# Root owns the environment and its execute-only interpreter, and the service runs as another user:
# every Python process in the container is born hardened, and nothing in it can undo that.
FROM python:3.13-slim
RUN python -m venv /opt/app \
 && /opt/app/bin/pip install --no-cache-dir gunicorn process-hardening \
 && /opt/app/bin/process-hardening hook enable --execute-only
WORKDIR /app
COPY app.py .
USER 65534:65534
CMD ["/opt/app/bin/gunicorn", "app:app"]

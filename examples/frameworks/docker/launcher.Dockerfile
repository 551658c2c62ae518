# docker build -f docker/launcher.Dockerfile gunicorn
# The context has the wheel of process-hardening: `pip wheel --no-deps .` in a clone builds it.
# Root owns the launcher and nobody else can read it, so its own start has no launch window either. It
# starts any program, here one that runs as another user. The library hardens what that program starts.
FROM python:3.13-slim
COPY process_hardening-*.whl /tmp/
RUN python -m venv /opt/app \
 && /opt/app/bin/pip install --no-cache-dir gunicorn /tmp/process_hardening-*.whl \
 && install -o root -g root -m 0711 /opt/app/bin/harden /usr/local/bin/harden \
 && install -D -m 0644 /opt/app/lib/python3*/site-packages/process_hardening/libprocess_hardening.so \
      /usr/local/lib/process-hardening/libprocess_hardening.so
WORKDIR /app
COPY app.py .
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/harden", "--children", "--"]
CMD ["/opt/app/bin/gunicorn", "app:app"]

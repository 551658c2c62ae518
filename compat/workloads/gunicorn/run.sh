exec python ../bin/ask-server.py start gunicorn --workers=2 web:flask_app

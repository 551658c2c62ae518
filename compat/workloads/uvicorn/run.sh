exec python ../bin/ask-server.py start uvicorn --workers=2 web_async:starlette_app

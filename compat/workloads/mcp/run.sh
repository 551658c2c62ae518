# A client of the MCP SDK starts a server of it over standard input and output.
set -eu
start python3 client.py start python3 server.py

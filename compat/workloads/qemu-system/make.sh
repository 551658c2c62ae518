exec python3 boot.py

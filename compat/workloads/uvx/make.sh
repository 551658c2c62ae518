exec python3 wheel.py

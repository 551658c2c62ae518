python3 ../bin/make-wheel.py
python3 -m venv venv

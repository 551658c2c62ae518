exec python3 ../bin/make-wheel.py

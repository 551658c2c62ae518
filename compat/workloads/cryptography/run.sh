exec start python crypto.py

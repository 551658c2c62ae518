exec start python arrays.py

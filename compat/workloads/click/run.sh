cd click-source
exec start python -m pytest -q -rfE -p no:cacheprovider

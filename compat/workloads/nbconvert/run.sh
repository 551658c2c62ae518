exec start jupyter nbconvert --execute --to=markdown --stdout demo.ipynb

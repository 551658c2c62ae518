"""What %run of the ipython session runs."""

print("a script of its own")

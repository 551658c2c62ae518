exec cc -shared -fPIC -I/usr/include/node -o addon.node addon.c

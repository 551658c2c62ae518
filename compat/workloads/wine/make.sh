export WINEPREFIX=/srv/home/prefix WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
/usr/lib/wine/wine64 wineboot --init
/usr/lib/wine/wineserver64 --wait

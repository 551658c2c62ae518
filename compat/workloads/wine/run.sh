set -eu
export WINEPREFIX=/srv/home/prefix WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
start /usr/lib/wine/wine64 cmd /c 'echo hello & cd' | tr -d '\r'
start /usr/lib/wine/wine64 cmd /c 'exit 7' || echo "exited with $?"
start /usr/lib/wine/wine64 reg query 'HKLM\Software\Microsoft\Windows NT\CurrentVersion' /v ProductName | tr -d '\r' | grep -c ProductName
/usr/lib/wine/wineserver64 --wait

set -eu
start javac -d classes Hello.java
start jar --create --file hello.jar --main-class Hello -C classes .
start jar --list --file hello.jar | sort
start java -jar hello.jar
printf 'int x = 6 * 7\nSystem.out.println(x)\n/exit\n' | start jshell -s - 2>/dev/null
start jdeps -s hello.jar
start javap -cp classes Hello

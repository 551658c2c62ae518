set -eu
start java -cp classes Self
start java -XX:+UseSerialGC -Xmx64m -cp classes Self child
JAVA_TOOL_OPTIONS= start java -version 2>&1 | grep -c Runtime

exec javac -d classes Self.java

# What a program can learn of itself, and starting itself by that.
require 'open3'
require 'rbconfig'
require 'socket'
$stdout.sync = true
puts RbConfig.ruby, File.readlink('/proc/self/exe'), $PROGRAM_NAME
puts Open3.capture2(RbConfig.ruby, '-ne', 'puts $_.upcase', stdin_data: "a line\n").first
reader, writer = IO.pipe
pid = fork { writer.puts 'from a fork'; exit! 3 }
Process.wait pid
puts reader.gets, $?.exitstatus
server = TCPServer.new('127.0.0.1', 0)
Thread.new { server.accept.tap { |c| c.puts 'from a thread' }.close }
puts TCPSocket.new('127.0.0.1', server.addr[1]).read
trap('USR1') { puts 'a signal' }
Process.kill 'USR1', Process.pid
sleep 0.2
exec '/proc/self/exe', '-e', 'puts "started again"'

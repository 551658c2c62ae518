# What a program can learn of itself, and starting itself by that.
puts [info nameofexecutable]
puts [exec [info nameofexecutable] << {puts [expr {6 * 7}]}]

(defun main () (format t "~a ~a~%" (second sb-ext:*posix-argv*) sb-ext:*runtime-pathname*) (finish-output) (sb-ext:exit :code 3))
(sb-ext:save-lisp-and-die "saved" :executable t :toplevel #'main)

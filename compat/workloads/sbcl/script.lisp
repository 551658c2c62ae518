(format t "~a~%" sb-ext:*runtime-pathname*)
(format t "~a~%" (with-output-to-string (out)
  (sb-ext:run-program sb-ext:*runtime-pathname*
                      '("--noinform" "--no-userinit" "--no-sysinit" "--non-interactive" "--eval" "(princ (* 6 7))")
                      :output out)))
(defun add (n) (if (zerop n) 0 (+ n (add (1- n)))))
(compile 'add)
(format t "~a~%" (add 1000))
(handler-case (error "an error") (error (e) (format t "~a~%" e)))

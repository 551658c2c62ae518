;;; script.el --- starts itself and other programs  -*- lexical-binding: t -*-
(let ((self (expand-file-name invocation-name invocation-directory)))
  (princ (format "%s\n" self))
  (call-process self nil '(:file "made") nil "-Q" "--batch" "--eval" "(princ (* 6 7))")
  (with-temp-buffer
    (insert-file-contents "made")
    (princ (format "%s\n" (buffer-string))))
  (with-temp-buffer
    (insert "b\na\n")
    (call-process-region (point-min) (point-max) "sort" t t)
    (princ (buffer-string)))
  (let ((process (make-process :name "cat" :command '("cat") :connection-type 'pipe
                               :filter (lambda (_ text) (princ text)))))
    (process-send-string process "through a pipe\n")
    (process-send-eof process)
    (while (accept-process-output process 1))))

;;; greet.el --- a function  -*- lexical-binding: t -*-
;;; Code:
(defun greet () "Say hello." (princ "hello\n"))
(provide 'greet)
;;; greet.el ends here

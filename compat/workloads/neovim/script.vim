" Edits a file, and starts itself by its own path with its two protocols.
call setline(1, ['b', 'a', 'c'])
%!sort
write
redir! > messages
echo v:progname resolve(v:progpath)
echo trim(system([v:progpath, '-u', 'NONE', '-es', '-c', 'put =6*7', '-c', 'print', '-c', 'qall!']))
let channel = jobstart([v:progpath, '-u', 'NONE', '--embed', '--headless'], {'rpc': v:true})
echo rpcrequest(channel, 'nvim_eval', '6 * 7')
call jobstop(channel)
lua print(vim.loop.exepath())
redir END
quitall!

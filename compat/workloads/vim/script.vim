" Edits a file, filters it through programs, and starts itself by its own path.
call setline(1, ['b', 'a', 'c'])
%!sort
call append('$', toupper(join(getline(1, '$'))))
write
redir! > messages
echo v:progname resolve(v:progpath)
echo trim(system(v:progpath . ' -Nu NONE -es -c "put =6*7" -c print -c qall!'))
let job = job_start(['echo', 'from a job'], {'out_io': 'buffer', 'out_name': 'jobs'})
while job_status(job) ==# 'run' | sleep 20m | endwhile
sleep 100m
echo getbufline('jobs', 2, '$')
redir END
quitall!

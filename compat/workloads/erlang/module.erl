-module(module).
-export([run/0]).

run() ->
    Self = self(),
    [spawn(fun() -> Self ! N * N end) || N <- lists:seq(1, 10)],
    io:format("~p~n", [lists:sum([receive N -> N end || _ <- lists:seq(1, 10)])]),
    io:format("~s", [os:cmd("echo from a shell")]),
    io:format("~p~n", [file:read_link("/proc/self/exe")]),
    halt(0).

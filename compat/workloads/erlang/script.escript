#!/usr/bin/env escript
main(Arguments) ->
    io:format("~p~n", [Arguments]),
    halt(3).

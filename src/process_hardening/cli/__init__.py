"""The subcommands, one module each.

A module defines HELP, add_arguments(parser) and run(options), which returns the exit status. `run`
and `tui` parse their own arguments and define main(arguments) instead. Errors leave a module as
CommandError; main.main() prints them and returns their exit status.
"""

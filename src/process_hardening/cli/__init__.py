"""One module a subcommand: arguments in, exit status out.

Each has HELP, add_arguments(parser) and run(options). Errors leave as CommandError; only
__main__.main() turns them into a line and a status.
"""

"""The command line: nouns as arguments, verbs as commands, an exit code that can be built upon."""

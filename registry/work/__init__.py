"""What commands do: register a folder, execute a recipe, derive an artifact again, prove a folder.

Each module is one use case over a home: it reads the store, calls the cores, and publishes what it found, signed.
"""

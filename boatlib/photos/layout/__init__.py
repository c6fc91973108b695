"""How a set lies there: which file shows what, in which part it is given, and whose photos belong together."""

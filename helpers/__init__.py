"""The verbs that the lessons call; each module has one job, said in its docstring."""

"""TM Forum's forms of what is known here: alarms (TMF642), service problems (656), objectives (657), violations (623), their events.

Pure. Rows are the history's (:mod:`pipeline.store`): keys are field names, times UTC nanoseconds, 0 where there is none. What is not known
is left out.
"""

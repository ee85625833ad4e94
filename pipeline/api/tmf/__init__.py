"""The TM Forum APIs: alarms (TMF642), service problems (656), objectives (657), violations (623), and who is told of their events."""

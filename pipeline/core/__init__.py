"""The domain, pure: values and folds over them. No I/O, no clock, no framework; time is an argument."""

"""Sources of what the operator has and has sold; files are the first."""
